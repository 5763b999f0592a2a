//! Work that took longer than patience allows.

use super::{
    belief::World,
    blame,
    finding::{Finding, Nature, Reason},
    judge::Judge,
};
use crate::{
    history::{Exchange, Reply},
    model::Aspect,
};

impl Judge<'_> {
    /// Notes after which command only such worlds are left.
    pub(super) fn note_lateness(&mut self, exchanges: &[Exchange]) {
        let is_late = !self.belief.worlds.is_empty() && self.belief.worlds.iter().all(|world| world.late.is_some());
        if is_late && self.late_since.is_none() {
            self.late_since = exchanges.last().map(|exchange| exchange.command);
        }
    }

    /// A documented call is known to have taken too long: nothing that comes later can tell otherwise, and much of it could be
    /// explained in ever more ways.
    pub(super) fn is_too_late(&self) -> bool {
        let is_documented = |world: &World| {
            let found = world.late.and_then(|command| self.script.commands.get(command));
            found.is_some_and(|command| self.set.operation(command.operation).is_documented())
        };
        self.late_since.is_some() && self.belief.worlds.iter().all(is_documented)
    }

    /// Only worlds in which something took too long explain the history.
    pub(super) fn late(&mut self, command: usize, agreed: &World) {
        let Some(found) = self.script.commands.get(command) else { return };
        let operation = self.set.operation(found.operation);
        let seconds = self.history.patience_ms as f64 / 1000.0;
        let Some(basics) = operation.basics else {
            let text = format!("what {} began was not done after {seconds} s", operation.name);
            self.judged.reasons.push(Reason { command, text, promised: None });
            return;
        };
        // Another resource of a batch may have proved the promise already.
        let claim = agreed.evidence.claims.iter().chain(&agreed.evidence.proved).find(|claim| {
            claim.command == command && claim.aspect == Aspect::Gone && claim.requirement != basics.effect
        });
        let times = |of: usize| self.history.exchanges.iter().filter(move |exchange| exchange.command == of);
        let refused = times(command).any(|exchange| matches!(exchange.reply, Reply::Refused { .. }));
        let (answered, otherwise) = if refused { ("a refusal", basics.unchanged) } else { ("success", basics.effect) };
        let requirement = claim.map_or(otherwise, |claim| claim.requirement);
        let shows = self.late_since.unwrap_or(self.script.commands.len().saturating_sub(1));
        let answered_ms = times(command).map(|exchange| exchange.ended_ms).max().unwrap_or_default();
        let looked_ms = times(shows).map(|exchange| exchange.started_ms).max().unwrap_or_default();
        let since = looked_ms.saturating_sub(answered_ms) as f64 / 1000.0;
        self.judged.exercised.push((found.operation, requirement));
        self.judged.findings.push(Finding {
            key: format!("{}{}", operation.requirements[requirement].id, blame::LATE),
            nature: Nature::Violation,
            requirement: (found.operation, requirement),
            summary: format!(
                "{} answered {answered}, but {seconds} s later reads still show what it removed",
                operation.name
            ),
            expected: vec![format!("not shown any more within {seconds} s (see --patience)")],
            actual: format!("still shown {since:.1} s after its answer").into(),
            command: shows,
            culprit: command,
            before: blame::describe(self.set.service(found.operation), Some(&agreed.state)),
            orders: Vec::new(),
        });
    }
}
