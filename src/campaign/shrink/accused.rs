//! Whether the call that a failure accuses is the one that did it.
//!
//! Judging one history accuses the last call that could have broken a promise. Work that an earlier call began may have come
//! about since. Running the script once more tells: without the accused call, or with a look at what it names before it
//! comes. A failure that shows then as well has another culprit.
//!
//! Two calls may both be wrong: a call is acquitted only where the failure does not show without the other culprit either.
//! And nobody may have done it: things that go by themselves go without any call that is judged. Then there is no finding.

use super::{Failed, Found, Shrinker, is_about_one_call};
use crate::{
    generate::{readback, tree::without_call},
    oracle::{Finding, Judged, Nature, blame},
    sequence::{Command, Purpose, Script, command::line},
};

/// What a script shows without the accused call.
enum Without {
    /// Something else, or nothing.
    Nothing,
    /// A failure of another culprit.
    Other(Box<Failed>),
    /// The same, and nobody is left who could have done it.
    Same,
}

impl Shrinker<'_> {
    /// What to go on with, where the smallest script leaves it open who did it: a failure of another culprit; where both did
    /// it, the same failure without the other; or nothing at all, where nobody did.
    pub(super) async fn open_case(&mut self, failed: &Failed) -> Option<Found> {
        let other = if failed.finding.command == failed.finding.culprit {
            self.shown_before(failed).await?
        } else {
            match self.without_culprit(failed).await {
                Without::Nothing => return None,
                Without::Other(other) => *other,
                Without::Same => return Some(Found::Baseless(self.also_without(failed))),
            }
        };
        let alone = self.shown_alone(failed, &other).await;
        Some(Found::Other(Box::new(alone.unwrap_or(other))))
    }

    /// Why a finding is none.
    fn also_without(&self, Failed { script, finding, .. }: &Failed) -> String {
        let named = |index: usize| line(self.set, &script.commands[index]);
        let expected = finding.expected.join(" or ");
        format!(
            "{} does not agree that {expected}, with {} as well as without: no documented call is known to be the cause",
            named(finding.command),
            named(finding.culprit)
        )
    }

    /// The same failure, shown by a read that comes a while later; none where it comes late anyway.
    pub(super) async fn shown_late(&mut self, failed: &Failed) -> Option<Failed> {
        let Failed { script, finding, .. } = failed;
        if finding.command == finding.culprit || !script.race().is_empty() || self.is_over() {
            return None;
        }
        self.fails(&self.late(failed)?, &finding.key).await
    }

    /// A failure that shows without the accused call; none where the first one shows without the culprit of that one as well.
    pub(super) async fn without_accused(&mut self, failed: &Failed) -> Option<Failed> {
        if failed.finding.command == failed.finding.culprit || !self.has_others(failed) {
            return None;
        }
        let Without::Other(other) = self.without_culprit(failed).await else { return None };
        self.shown_alone(failed, &other).await.is_none().then_some(*other)
    }

    async fn without_culprit(&mut self, failed: &Failed) -> Without {
        let script = self.late(failed).unwrap_or_else(|| failed.script.clone());
        let finding = &failed.finding;
        let Some(script) = without_call(&script, finding.culprit, finding.command).filter(|_| self.is_plain(failed))
        else {
            return Without::Nothing;
        };
        let read = script.commands.iter().rposition(|command| command.purpose == Purpose::Read);
        let (judged, other) = self.of_another(script, |_| true).await;
        match (other, read) {
            (Some(other), _) => Without::Other(Box::new(other)),
            (None, Some(read)) if judged.unexplained.contains(&read) => Without::Same,
            (None, _) => Without::Nothing,
        }
    }

    /// A failure, if it shows without the culprit of another one.
    async fn shown_alone(&mut self, failed: &Failed, other: &Failed) -> Option<Failed> {
        let script = self.late(failed).unwrap_or_else(|| failed.script.clone());
        let finding = &failed.finding;
        let culprit = &other.script.commands[other.finding.culprit];
        let culprit = script.commands.iter().position(|command| command == culprit)?;
        self.fails(&without_call(&script, culprit, finding.command)?, &finding.key).await
    }

    /// The failing script with the read that shows the failure a while later; none where it comes late anyway.
    fn late(&self, Failed { script, finding, .. }: &Failed) -> Option<Script> {
        let read = readback::late(self.set, script.commands.get(finding.command)?)?;
        let mut script = script.clone();
        script.commands[finding.command] = read;
        Some(script)
    }

    /// A failure that reads show before the accused call comes: right before it, or else before any documented call. Where
    /// calls have to come soon after another, only the first can show it; where nobody has looked yet, only the second.
    async fn shown_before(&mut self, failed: &Failed) -> Option<Failed> {
        let Failed { script, finding, .. } = failed;
        if !self.is_plain(failed) || !self.has_others(failed) {
            return None;
        }
        for from in [finding.culprit, 0] {
            let looking = self.generator.looking_first(script, from, finding.culprit)?;
            let accused = looking.commands.iter().rposition(|command| *command == script.commands[finding.culprit])?;
            let (_, other) = self.of_another(looking, |found| found.command < accused).await;
            if other.is_some() {
                return other;
            }
        }
        None
    }

    /// Whether it can be asked who did it.
    fn is_plain(&self, failed: &Failed) -> bool {
        let finding = &failed.finding;
        finding.nature == Nature::Violation
            && !blame::is_late(finding)
            && is_about_one_call(failed)
            && self.requests < self.end + self.budget
            && !self.is_interrupted()
    }

    /// Other documented calls come before the failure shows.
    fn has_others(&self, Failed { script, finding, .. }: &Failed) -> bool {
        let is_another = |(index, command): (usize, &Command)| {
            index != finding.culprit && self.set.operation(command.operation).is_documented()
        };
        script.commands.iter().take(finding.command).enumerate().any(is_another)
    }

    /// What a script shows, and how it fails in a way that acquits a call.
    async fn of_another(&mut self, script: Script, is_other: impl Fn(&Finding) -> bool) -> (Judged, Option<Failed>) {
        let (history, mut judged) = self.run(&script, self.around.patience_ms).await;
        let counts = |found: &Finding| {
            found.nature == Nature::Violation && blame::counts(self.set, found) && blame::is_of_one_run(found)
        };
        let found = judged.findings.iter().position(|found| counts(found) && is_other(found));
        let failed = found.map(|index| Failed { script, history, finding: judged.findings.remove(index) });
        (judged, failed)
    }
}
