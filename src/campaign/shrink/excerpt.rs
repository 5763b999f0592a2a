//! Less of what was seen, judged again: that takes no request, and proves as much.

use super::{Failed, Shrinker};
use crate::{
    generate::tree::{Derived, without_others},
    oracle::{Nature, judge},
    sequence::{Command, Purpose},
};

impl Shrinker<'_> {
    /// The same without what comes after the failure has shown itself: nothing depends on what comes later.
    pub(super) fn cut(&self, failed: Failed) -> Failed {
        let end = failed.finding.culprit.max(failed.finding.command) + 1;
        let race = failed.script.race();
        let is_torn = race.start < end && end < race.end;
        if end >= failed.script.commands.len() || is_torn {
            return failed;
        }
        let script = failed.script.with(failed.script.commands[..end].to_vec());
        self.part(&failed, &Derived { script, origins: (0..end).map(Some).collect() }).unwrap_or(failed)
    }

    /// The same without what is about other things, for a failure that never came again, so that nothing could be tried. Of a
    /// question that was answered in two ways, one other asking stays.
    pub(super) fn excerpt(&self, failed: Failed) -> Failed {
        let Failed { script, finding, .. } = &failed;
        if !script.race().is_empty() {
            return failed;
        }
        let shows = [finding.culprit, finding.command];
        let is_call = |index: &usize| script.commands[*index].purpose == Purpose::Call;
        let askings = (0..finding.culprit).filter(is_call).map(|asking| vec![asking, shows[0], shows[1]]);
        let kept: Vec<Vec<usize>> =
            if finding.nature == Nature::Inconsistent { askings.collect() } else { vec![shows.to_vec()] };
        let mut parts: Vec<Derived> =
            kept.iter().filter_map(|keep| without_others(script, keep, |_: &Command| false)).collect();
        parts.sort_by_key(|part| part.script.commands.len());
        parts.iter().find_map(|part| self.part(&failed, part)).unwrap_or(failed)
    }

    /// What was seen of the commands of a part, where that fails in the same way. They have to be as they were sent.
    fn part(&self, failed: &Failed, part: &Derived) -> Option<Failed> {
        let Failed { script, history, finding } = failed;
        let place = |command: usize| part.origins.iter().position(|origin| *origin == Some(command));
        let is_changed = |(index, command): (usize, &Command)| {
            part.origins[index].is_none_or(|origin| script.commands[origin] != *command)
        };
        if part.script.commands.iter().enumerate().any(is_changed) {
            return None;
        }
        let mut history = history.clone();
        history.exchanges.retain_mut(|exchange| {
            let place = place(exchange.command);
            exchange.command = place.unwrap_or_default();
            place.is_some()
        });
        let judged = judge(self.set, &part.script, &history);
        let finding = judged.findings.into_iter().find(|other| other.key == finding.key)?;
        Some(Failed { script: part.script.clone(), history, finding })
    }
}
