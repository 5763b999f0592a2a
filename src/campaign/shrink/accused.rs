//! Whether the call that a failure accuses is the one that did it.
//!
//! Judging one history accuses the last call that could have broken a promise. Work that an earlier call began may have come
//! about since. Running the script once more tells: without the accused call, or with a look at what it names before it
//! comes. A failure that shows then, and did not show before, has another culprit.
//!
//! Two calls may both be wrong: a call is acquitted only where its promise is at stake without the other culprit as well, and
//! the failure does not show then. And nobody may have done it: things that go by themselves go without any call that is
//! judged. Then there is no finding.

use super::{Again, End, Failed, Found, Shrinker, excerpt, is_about_one_call};
use crate::{
    generate::{
        readback,
        tree::{Derived, without_call},
    },
    oracle::{Finding, Judged, Nature, blame, is_explained_by_repetition, judge},
    sequence::{Command, Script, command::line},
};

/// A failure of a race is seldom where it shows itself in one of so many runs, or less: what is on the way does not send
/// that many requests twice.
const SELDOM: u32 = 5;

/// What a script shows without the accused call.
enum Without {
    /// Something else, or nothing.
    Nothing,
    Other(Box<Other>),
    /// The same, and nobody is left who could have done it.
    Same,
}

/// A failure of another culprit.
struct Other {
    failed: Failed,
    /// Where its culprit stands in the script that accuses someone else.
    culprit: usize,
}

/// What comes of a failure without the culprit of another one.
enum Alone {
    Shows(Box<Failed>),
    ShowsNot,
    /// Without that call, it is not to be expected in the first place.
    Unknown,
}

impl Shrinker<'_> {
    /// What to go on with, where the smallest script leaves it open who did it: a failure of another culprit; where both did
    /// it, the same failure without the other; or nothing at all, where nobody did.
    pub(super) async fn open_case(&mut self, failed: &Failed) -> Option<Found> {
        let other = if !failed.finding.is_seen_later() {
            self.shown_before(failed).await?
        } else {
            match self.without_culprit(failed).await {
                Without::Nothing => return None,
                Without::Other(other) => *other,
                // Once may be chance.
                Without::Same if matches!(self.without_culprit(failed).await, Without::Same) => {
                    let requirement = failed.finding.requirement;
                    return Some(Found::End(End::Baseless { requirement, why: self.also_without(failed) }));
                }
                Without::Same => return None,
            }
        };
        match self.alone(failed, &other).await {
            Alone::Shows(alone) => Some(Found::Other(alone)),
            Alone::ShowsNot => Some(Found::Other(Box::new(other.failed))),
            Alone::Unknown => None,
        }
    }

    /// What an earlier call began and the accused one met halfway, which does not come at the same moment again: a failure
    /// of that call, if it shows when everything is given its time.
    pub(super) async fn came_between(&mut self, failed: &Failed) -> Option<Found> {
        if failed.finding.is_seen_later() {
            return None;
        }
        let other = self.shown_before(failed).await?;
        Some(Found::Other(Box::new(other.failed)))
    }

    /// What shows itself seldom when calls overlap, and would also come of a call that arrived twice: nobody knows whether the
    /// service did it or something on the way.
    pub(super) fn arrived_twice(&self, failed: &Failed, again: Again) -> Option<Found> {
        let Failed { script, history, finding } = failed;
        let is_seldom = again.times > 0 && again.shown * SELDOM <= again.times;
        if script.race().is_empty() || !is_seldom || !is_explained_by_repetition(self.set, script, history) {
            return None;
        }
        let (at, requirement) = finding.requirement;
        let why = format!(
            "what seemed to break {} came again in {} of {} runs, and would also come of a request that arrived twice",
            self.set.operation(at).requirements[requirement].id,
            again.shown,
            again.times
        );
        Some(Found::End(End::Baseless { requirement: finding.requirement, why }))
    }

    /// Why a finding is none.
    fn also_without(&self, Failed { script, finding, .. }: &Failed) -> String {
        let named = |index: usize| line(self.set, &script.commands[index]);
        format!(
            "{} shows something else than it should, with {} as well as without: no documented call is known to be the cause",
            named(finding.command),
            named(finding.culprit)
        )
    }

    /// The same failure once more, shown by a read that comes a while later, if it shows.
    pub(super) async fn shown_late(&mut self, failed: &Failed) -> Option<Failed> {
        let Failed { script, finding, .. } = failed;
        if !finding.is_seen_later() || !is_about_one_call(failed) || self.is_over() {
            return None;
        }
        let late = self.late(failed).unwrap_or_else(|| script.clone());
        self.fails(&late, &finding.key).await
    }

    /// The same failure, shown by a read that comes at once, where that shows it each time.
    pub(super) async fn shown_at_once(&mut self, failed: &Failed, confirmations: u32) -> Option<(Failed, Again)> {
        let mut script = failed.script.clone();
        script.commands[failed.finding.command].until = None;
        let mut at_once = self.fails(&script, &failed.finding.key).await.filter(|_| !self.is_interrupted())?;
        let again = self.again(&mut at_once, confirmations).await;
        again.is_stable().then_some((at_once, again))
    }

    /// A failure that shows without the accused call; none where the first one shows without the culprit of that one as well.
    pub(super) async fn without_accused(&mut self, failed: &Failed) -> Option<Failed> {
        if !failed.finding.is_seen_later() || !self.has_others(failed) {
            return None;
        }
        let Without::Other(other) = self.without_culprit(failed).await else { return None };
        matches!(self.alone(failed, &other).await, Alone::ShowsNot).then_some(other.failed)
    }

    async fn without_culprit(&mut self, failed: &Failed) -> Without {
        let mut script = self.late(failed).unwrap_or_else(|| failed.script.clone());
        let finding = &failed.finding;
        // What comes after the read that shows it says nothing of it.
        script.commands.truncate(finding.command + 1);
        let without = without_call(&script, finding.culprit, finding.command).filter(|_| self.is_plain(failed));
        let Some(without) = without else { return Without::Nothing };
        let read = without.script.commands.len() - 1;
        match self.another(failed, without, |_| true).await {
            (_, Some(other)) => Without::Other(Box::new(other)),
            (judged, None) if judged.unexplained.contains(&read) => Without::Same,
            (_, None) => Without::Nothing,
        }
    }

    /// A failure that reads show before the accused call comes: right before it, or else before any documented call. Where
    /// calls have to come soon after another, only the first can show it; where nobody has looked yet, only the second.
    async fn shown_before(&mut self, failed: &Failed) -> Option<Other> {
        let Failed { script, finding, .. } = failed;
        if !self.is_plain(failed) || !self.has_others(failed) {
            return None;
        }
        for from in [finding.culprit, 0] {
            let looking = self.generator.looking_first(script, from, finding.culprit)?;
            let accused = looking.origins.iter().position(|origin| *origin == Some(finding.culprit))?;
            let (_, other) = self.another(failed, looking, |found| found.command < accused).await;
            if other.is_some() {
                return other;
            }
        }
        None
    }

    /// Whether a failure shows without the culprit of another one.
    async fn alone(&mut self, failed: &Failed, other: &Other) -> Alone {
        let finding = &failed.finding;
        let script = self.late(failed).unwrap_or_else(|| failed.script.clone());
        let Some(without) = without_call(&script, other.culprit, finding.command) else { return Alone::Unknown };
        let accused = &failed.script.commands[finding.culprit];
        let asks = |script: &Script| self.generator.asks(script, accused, finding.requirement);
        if asks(&without.script) == Some(false) && asks(&script) == Some(true) {
            return Alone::Unknown;
        }
        match self.fails(&without.script, &finding.key).await {
            Some(alone) => Alone::Shows(Box::new(alone)),
            None => Alone::ShowsNot,
        }
    }

    /// The failing script with the read that shows the failure a while later; none where it comes late anyway.
    fn late(&self, Failed { script, finding, .. }: &Failed) -> Option<Script> {
        let read = script.commands.get(finding.command).filter(|_| finding.is_seen_later())?;
        let read = readback::late(self.set, read)?;
        let mut script = script.clone();
        script.commands[finding.command] = read;
        Some(script)
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

    /// What a script shows, and how it fails in a way that acquits a call: one that did not show together with the failure.
    async fn another(
        &mut self,
        failed: &Failed,
        Derived { script, origins }: Derived,
        is_other: impl Fn(&Finding) -> bool,
    ) -> (Judged, Option<Other>) {
        let known = judge(self.set, &failed.script, &failed.history).findings;
        let (history, mut judged) = self.run(&script, self.around.patience_ms).await;
        let is_new = |found: &Finding| found.key == failed.finding.key || known.iter().all(|one| one.key != found.key);
        let counts = |found: &Finding| {
            found.nature == Nature::Violation
                && !blame::is_late(found)
                && blame::counts(self.set, found)
                && blame::is_of_one_run(found)
        };
        let found = judged.findings.iter().enumerate().find_map(|(index, found)| {
            let culprit = origins.get(found.culprit).copied().flatten()?;
            (counts(found) && is_new(found) && is_other(found)).then_some((index, culprit))
        });
        let other = found.map(|(index, culprit)| {
            let failed = Failed { script, history, finding: judged.findings.remove(index) };
            Other { failed: excerpt::cut(self.set, failed), culprit }
        });
        (judged, other)
    }
}
