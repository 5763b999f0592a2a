//! Whether the call that a failure accuses is the one that did it.
//!
//! Judging one history accuses the last call that could have broken a promise. Work that an earlier call began may have come
//! about since. Running the script once more tells: without the accused call, or with a look at what it names before it
//! comes. A failure that shows then as well has another culprit.
//!
//! Two calls may both be wrong: a call is acquitted only where the failure does not show without the other culprit either.

use super::{Failed, Shrinker, is_about_one_call};
use crate::{
    generate::{readback, tree::without_call},
    oracle::{Finding, Nature, blame},
    sequence::Script,
};

impl Shrinker<'_> {
    /// What to go on with, where the smallest script leaves it open who did it: a failure of another culprit, or, where both
    /// did it, the same failure without the other.
    pub(super) async fn open_case(&mut self, failed: &Failed) -> Option<Failed> {
        if failed.finding.command == failed.finding.culprit {
            return self.shown_before(failed).await;
        }
        let (other, alone) = self.parted(failed).await?;
        alone.or(Some(other))
    }

    /// The same failure, shown by a read that comes a while later; none where it comes late anyway.
    pub(super) async fn shown_late(&mut self, failed: &Failed) -> Option<Failed> {
        let Failed { script, finding, .. } = failed;
        if finding.command == finding.culprit || !script.race().is_empty() || self.is_over() {
            return None;
        }
        self.fails(&late(self, script, finding)?, &finding.key).await
    }

    /// A failure that shows without the accused call; none where the first one shows without the culprit of that one as well.
    pub(super) async fn without_accused(&mut self, failed: &Failed) -> Option<Failed> {
        let (other, alone) = self.parted(failed).await?;
        alone.is_none().then_some(other)
    }

    /// A failure that shows without the accused call, and the first one without the culprit of that one, if it shows then.
    async fn parted(&mut self, failed: &Failed) -> Option<(Failed, Option<Failed>)> {
        let Failed { script, finding, .. } = failed;
        if !self.may_be_another(failed) {
            return None;
        }
        let script = late(self, script, finding).unwrap_or_else(|| script.clone());
        let other = self.of_another(without_call(&script, finding.culprit, finding.command)?, |_| true).await?;
        let culprit = &other.script.commands[other.finding.culprit];
        let culprit = script.commands.iter().position(|command| command == culprit)?;
        let alone = match without_call(&script, culprit, finding.command) {
            Some(alone) => self.fails(&alone, &finding.key).await,
            None => None,
        };
        Some((other, alone))
    }

    /// A failure that reads show before the accused call comes: right before it, or else before any documented call. Where
    /// calls have to come soon after another, only the first can show it; where nobody has looked yet, only the second.
    async fn shown_before(&mut self, failed: &Failed) -> Option<Failed> {
        let Failed { script, finding, .. } = failed;
        if !self.may_be_another(failed) {
            return None;
        }
        for from in [finding.culprit, 0] {
            let looking = self.generator.looking_first(script, from, finding.culprit)?;
            let accused = looking.commands.iter().rposition(|command| *command == script.commands[finding.culprit])?;
            let other = self.of_another(looking, |found| found.command < accused).await;
            if other.is_some() {
                return other;
            }
        }
        None
    }

    /// Other documented calls come before the failure shows.
    fn may_be_another(&self, failed: &Failed) -> bool {
        let Failed { script, finding, .. } = failed;
        let mut earlier = script.commands.iter().take(finding.command).enumerate();
        let is_plain = finding.nature == Nature::Violation && !blame::is_late(finding) && is_about_one_call(failed);
        let is_another = |index| index != finding.culprit;
        is_plain
            && earlier
                .any(|(index, command)| is_another(index) && self.set.operation(command.operation).is_documented())
            && self.requests < self.end + self.budget
            && !self.is_interrupted()
    }

    /// How a script fails that acquits a call.
    async fn of_another(&mut self, script: Script, is_other: impl Fn(&Finding) -> bool) -> Option<Failed> {
        let (history, findings) = self.run(&script, self.around.patience_ms).await;
        let counts = |found: &Finding| {
            found.nature == Nature::Violation && blame::counts(self.set, found) && blame::is_of_one_run(found)
        };
        let finding = findings.into_iter().find(|found| counts(found) && is_other(found))?;
        Some(Failed { script, history, finding })
    }
}

/// The script with the read that shows the failure a while later.
fn late(shrinker: &Shrinker<'_>, script: &Script, finding: &Finding) -> Option<Script> {
    let read = readback::late(shrinker.set, script.commands.get(finding.command)?)?;
    let mut script = script.clone();
    script.commands[finding.command] = read;
    Some(script)
}
