//! Adds up what cases say.

use std::collections::BTreeMap;

use super::{
    between::Between,
    confirm::Confirmed,
    excerpt,
    outcome::{Observation, OperationResult, RequirementResult, Verdict, counted},
    precedence::{Wins, orders},
    shrink::Failed,
};
use crate::{
    history::History,
    oracle::{
        Finding, Judged, Nature, blame,
        finding::{Contest, Races, ReqRef, Reworded, Unique},
    },
    sequence::Script,
    spec::{SpecSet, service::OpRef},
};

/// A case that was judged.
pub struct Case {
    pub number: u64,
    pub script: Script,
    pub history: History,
    pub judged: Judged,
    pub requests: u64,
}

/// The first case that shows a failure.
pub struct First {
    pub number: u64,
    /// Requests of that case until it showed; all where only the whole case does.
    pub shown_after: u64,
    pub finding: Finding,
    pub script: Script,
    pub history: History,
    pub cases: u64,
    /// What another case did, where it takes two to show the failure.
    pub against: Option<(Script, History)>,
    /// What it says, where it takes two.
    pub between: Option<Between>,
}

/// The first case that shows something: its number, what it did, and what came.
type Witness = (u64, Script, History);
/// What cases say of one question: remaining alternatives, label, times.
type Said<'a> = (&'a Vec<usize>, &'a str, u64);

#[derive(Default)]
pub struct Tally {
    pub cases: u64,
    exercised: BTreeMap<ReqRef, u64>,
    /// Failures by key.
    pub failures: BTreeMap<String, First>,
    /// Question, remaining alternatives, label → times.
    answers: BTreeMap<(OpRef, usize, Vec<usize>, String), u64>,
    /// First case for each set of alternatives that its answers left.
    witnesses: BTreeMap<(OpRef, usize, Vec<usize>), Witness>,
    precedence: BTreeMap<(OpRef, String, String), u64>,
    /// The same of batches. Some endpoint may look at them from behind, so this is held against nobody.
    batches: BTreeMap<(OpRef, String, String), u64>,
    precedence_witnesses: BTreeMap<(OpRef, Contest, String), Witness>,
    /// Values that are promised to be different, with the case that had them first.
    unique: BTreeMap<Unique, u64>,
    messages: BTreeMap<Reworded, u64>,
    reasons: BTreeMap<String, u64>,
    /// Why cases that aimed at a requirement did not exercise it.
    missed: BTreeMap<ReqRef, BTreeMap<String, u64>>,
    /// Requests of each case, to say how many came before a failure.
    requests: BTreeMap<u64, u64>,
    inconclusive: BTreeMap<ReqRef, String>,
    /// Calls that were to overlap.
    pub races: Races,
    /// Why there were no more cases, where there should have been.
    pub stopped: Option<String>,
}

impl First {
    /// What one case shows, which nothing else has shown yet.
    pub fn new(number: u64, shown_after: u64, finding: Finding, script: Script, history: History) -> Self {
        Self { number, shown_after, finding, script, history, cases: 0, against: None, between: None }
    }

    /// What two witnesses show together: the later one is the first to do so.
    fn of(one: &Witness, other: Option<&Witness>, finding: Finding, between: [Between; 2]) -> Self {
        let [own, others] = between;
        let (first, against, between) = match other {
            Some(other) if other.0 > one.0 => (other, Some(one), others),
            other => (one, other, own),
        };
        let (number, script, history) = first.clone();
        let against = against.map(|(_, script, history)| (script.clone(), history.clone()));
        let shown_after = history.exchanges.len() as u64;
        Self { number, shown_after, finding, script, history, cases: 1, against, between: Some(between) }
    }

    /// The same with the place in its case where it shows itself.
    #[must_use]
    pub fn located(mut self, set: &SpecSet) -> Self {
        if let Some(between) = &self.between {
            let n_requests = between.shown_after(set, &self.script, &self.history);
            self.shown_after = n_requests as u64;
            let place = self.history.exchanges[..n_requests].last().map_or(0, |exchange| exchange.command);
            (self.finding.command, self.finding.culprit) = (place, place);
        }
        self
    }

    /// The case and what it shows.
    pub fn failed(&self) -> Failed {
        let Self { script, history, finding, .. } = self;
        Failed { script: script.clone(), history: history.clone(), finding: finding.clone() }
    }

    /// What was seen of it, without what has no part in it: all that can be told where nothing was run again.
    pub fn excerpt(&self, set: &SpecSet) -> Failed {
        let failed = self.failed();
        let Some(between) = &self.between else { return excerpt::focused(set, excerpt::cut(set, failed)) };
        let both = self.against.as_ref().and_then(|other| excerpt::both(set, other, &failed));
        both.unwrap_or_else(|| excerpt::own(set, between, failed))
    }
}

impl Tally {
    pub fn add(&mut self, set: &SpecSet, case: &Case) {
        self.cases += 1;
        self.requests.insert(case.number, case.requests);
        let judged = &case.judged;
        self.races += judged.races;
        for requirement in &judged.exercised {
            *self.exercised.entry(*requirement).or_default() += 1;
        }
        for finding in &judged.findings {
            self.failure(case, finding, None);
            // Whoever was seen to break it was asked to keep it.
            if !judged.exercised.contains(&finding.requirement) {
                *self.exercised.entry(finding.requirement).or_default() += 1;
            }
        }
        for answer in &judged.answers {
            let key = (answer.operation, answer.question, answer.possible.clone(), answer.label.clone());
            *self.answers.entry(key).or_default() += 1;
            // How it merely seems to be answered is held against nobody.
            witness(&mut self.witnesses, (answer.operation, answer.question, answer.proven.clone()), case);
        }
        for found in &judged.precedence {
            let orders = if found.in_batch { &mut self.batches } else { &mut self.precedence };
            for loser in &found.losers {
                *orders.entry((found.operation, found.winner.clone(), loser.clone())).or_default() += 1;
            }
            if !found.in_batch {
                let key = (found.operation, found.contest(), found.winner.clone());
                witness(&mut self.precedence_witnesses, key, case);
            }
        }
        for unique in &judged.unique {
            let first = *self.unique.entry(unique.clone()).or_insert(case.number);
            if first != case.number {
                self.failure(case, &blame::repeated(set, unique), Some(Between::Value(unique.clone())));
            }
        }
        for message in &judged.messages {
            *self.messages.entry(message.clone()).or_default() += 1;
        }
        for reason in &judged.reasons {
            *self.reasons.entry(reason.text.clone()).or_default() += 1;
        }
        for aim in case.script.aims.iter().filter(|aim| !judged.exercised.contains(aim)) {
            let text = judged
                .reasons
                .first()
                .map_or_else(|| "other outcomes explain what was seen as well".into(), |reason| reason.text.clone());
            *self.missed.entry(*aim).or_default().entry(text).or_default() += 1;
        }
    }

    /// Adds what came of sending a call of a case again.
    pub fn confirmed(&mut self, confirmed: Confirmed) {
        *self.requests.entry(confirmed.number).or_default() += confirmed.requests;
        if let Some(failure) = confirmed.failure {
            *self.exercised.entry(failure.finding.requirement).or_default() += 1;
            self.failures.entry(failure.finding.key.clone()).or_insert(failure);
        }
    }

    fn failure(&mut self, case: &Case, finding: &Finding, between: Option<Between>) {
        let shown = || {
            let (script, history) = (case.script.clone(), case.history.clone());
            let first = First::new(case.number, shown_after(case, finding), finding.clone(), script, history);
            First { between: between.clone(), ..first }
        };
        let first = self.failures.entry(finding.key.clone()).or_insert_with(shown);
        first.cases += 1;
        // The earliest case counts, and among the shortest scripts shrinking starts easier.
        if case.number < first.number {
            *first = First { cases: first.cases, ..shown() };
        }
    }

    /// Open questions and precedences that were answered in two ways.
    pub fn changes_of_mind(&self, set: &SpecSet) -> Vec<First> {
        let mut found = Vec::new();
        let mut remaining: BTreeMap<(OpRef, usize), Vec<usize>> = BTreeMap::new();
        for ((at, question, possible), witness) in &self.witnesses {
            let asked = &set.operation(*at).questions[*question];
            if asked.varies {
                continue;
            }
            let known = remaining.entry((*at, *question)).or_insert_with(|| possible.clone());
            let both: Vec<usize> = known.iter().filter(|choice| possible.contains(choice)).copied().collect();
            if both.is_empty() {
                let finding = mind_changed(set, *at, asked.requirement, &asked.names(&*known), &asked.names(possible));
                let is_other = |(key, _): &(&(OpRef, usize, Vec<usize>), &Witness)| {
                    (key.0, key.1) == (*at, *question) && key.2.iter().all(|choice| !possible.contains(choice))
                };
                let other = self.witnesses.iter().find(is_other).map(|(_, other)| other);
                let between = [&*known, possible].map(|others| {
                    let (at, question) = (*at, *question);
                    Between::Answer { at, question, others: others.clone() }
                });
                found.push(First::of(witness, other, finding, between));
            } else {
                *known = both;
            }
        }
        // No order of all codes is promised: only where the same ones are due, the same one is to win.
        let mut winners: BTreeMap<(OpRef, &Contest), (&str, &Witness)> = BTreeMap::new();
        for ((at, contest, winner), witness) in &self.precedence_witnesses {
            let (first, other) = *winners.entry((*at, contest)).or_insert((winner.as_str(), witness));
            let question = set.operation(*at).questions.iter().find(|question| question.precedence);
            if let (true, Some(question)) = (first != winner, question) {
                let one = format!("{first} before {winner}");
                let finding = mind_changed(set, *at, question.requirement, &one, &format!("{winner} before {first}"));
                let between = [first, winner].map(|other| {
                    let (at, contest, other) = (*at, contest.clone(), other.to_owned());
                    Between::Winner { at, contest, other }
                });
                found.push(First::of(witness, Some(other), finding, between));
            }
        }
        found
    }

    /// Something is wrong already, be it within one case or between several.
    pub fn has_found(&self, set: &SpecSet) -> bool {
        !self.failures.is_empty() || !self.changes_of_mind(set).is_empty()
    }

    /// What comes next is from another endpoint: its values need not differ from those so far.
    pub fn forget_values(&mut self) {
        self.unique.clear();
    }

    /// A removal took longer than all the patience that was asked for. One that took longer than less patience counts only
    /// where that is known already, and is forgotten otherwise.
    pub fn was_too_slow(&self, case: &mut Case, patience_ms: u64) -> bool {
        if !case.judged.findings.iter().any(blame::is_late) {
            return false;
        }
        let hurried = case.history.patience_ms < patience_ms;
        if hurried {
            case.judged.findings.retain(|finding| !blame::is_late(finding) || self.failures.contains_key(&finding.key));
        }
        !hurried
    }

    /// Requests up to the one that showed a failure first, in order of cases.
    pub fn requests_to_failure(&self, first: &First) -> u64 {
        self.requests_before(first.number) + first.shown_after
    }

    /// Requests of all cases before this one.
    pub fn requests_before(&self, number: u64) -> u64 {
        self.requests.range(..number).map(|(_, requests)| requests).sum()
    }

    pub fn inconclusive(&mut self, requirement: ReqRef, why: String) {
        self.inconclusive.entry(requirement).or_insert(why);
    }

    /// Something that seemed to break a promise, and does not, for this reason.
    pub fn baseless(&mut self, requirement: ReqRef, why: String) {
        *self.reasons.entry(why.clone()).or_default() += 1;
        self.inconclusive(requirement, why);
    }

    pub fn is_inconclusive(&self) -> bool {
        !self.inconclusive.is_empty()
    }

    pub fn operations(
        &self,
        set: &SpecSet,
        operations: &[OpRef],
        unplanned: &BTreeMap<ReqRef, String>,
        violated: &dyn Fn(ReqRef) -> bool,
    ) -> Vec<OperationResult> {
        operations
            .iter()
            .map(|at| OperationResult {
                at: *at,
                requirements: (0..set.operation(*at).requirements.len())
                    .map(|requirement| self.requirement((*at, requirement), unplanned, violated((*at, requirement))))
                    .collect(),
            })
            .collect()
    }

    fn requirement(&self, which: ReqRef, unplanned: &BTreeMap<ReqRef, String>, violated: bool) -> RequirementResult {
        let exercised = self.exercised.get(&which).copied().unwrap_or(0);
        let missed = || {
            let reasons = self.missed.get(&which)?;
            let (text, times) = reasons.iter().max_by_key(|(_, times)| **times)?;
            Some(format!("{text} ({times} case{})", if *times == 1 { "" } else { "s" }))
        };
        let (verdict, reason) = if violated {
            (Verdict::Violates, None)
        } else if let Some(why) = self.inconclusive.get(&which) {
            (Verdict::Inconclusive, Some(why.clone()))
        } else if exercised > 0 {
            (Verdict::Conforms, None)
        } else {
            let reason = unplanned.get(&which).cloned().or_else(missed);
            let stopped = || self.stopped.clone().unwrap_or_else(|| "no case aimed at it".into());
            (Verdict::NotExercised, Some(reason.unwrap_or_else(stopped)))
        };
        RequirementResult { requirement: which.1, exercised, verdict, reason }
    }

    pub fn observations(&self, set: &SpecSet) -> Vec<Observation> {
        let mut list = Vec::new();
        let mut by_question: BTreeMap<(OpRef, usize), Vec<Said<'_>>> = BTreeMap::new();
        for ((at, question, possible, label), times) in &self.answers {
            by_question.entry((*at, *question)).or_default().push((possible, label, *times));
        }
        for ((at, question), answers) in by_question {
            let operation = set.operation(at);
            let asked = &operation.questions[question];
            let id = operation.requirements[asked.requirement].id.clone();
            // What remains when everything is taken together; where that is nothing, or may vary, each answer stands alone.
            let together = answers.iter().skip(1).fold(answers[0].0.clone(), |left, (possible, _, _)| {
                left.into_iter().filter(|choice| possible.contains(choice)).collect()
            });
            let mut labels: BTreeMap<(String, String), u64> = BTreeMap::new();
            for (possible, label, times) in &answers {
                let alone = asked.varies || together.is_empty();
                let choice = if alone { asked.names(*possible) } else { asked.names(&together) };
                let label =
                    if !alone && possible.len() > together.len() { choice.clone() } else { (*label).to_owned() };
                *labels.entry((label, choice)).or_default() += times;
            }
            list.extend(labels.into_iter().map(|((answer, choice), times)| Observation {
                question: id.clone(),
                answer,
                choice: Some(choice),
                times,
            }));
        }
        let mut wins: BTreeMap<OpRef, Wins<'_>> = BTreeMap::new();
        let is_told = |(at, winner, loser): &(OpRef, String, String)| {
            let reverse = (*at, loser.clone(), winner.clone());
            !self.precedence.contains_key(&reverse) && !self.batches.contains_key(&reverse)
        };
        let in_batches = self.batches.iter().filter(|(key, _)| is_told(key));
        for ((at, winner, loser), times) in self.precedence.iter().chain(in_batches) {
            *wins.entry(*at).or_default().entry((winner, loser)).or_default() += times;
        }
        for (at, wins) in wins {
            let operation = set.operation(at);
            let Some(asked) = operation.questions.iter().find(|question| question.precedence) else { continue };
            let question = &operation.requirements[asked.requirement].id;
            let told = orders(&wins).into_iter();
            list.extend(told.map(|(answer, times)| Observation {
                question: question.clone(),
                answer,
                choice: None,
                times,
            }));
        }
        list
    }

    pub fn messages(&self) -> Vec<(Reworded, u64)> {
        counted(self.messages.clone())
    }

    pub fn reasons(&self) -> Vec<(String, u64)> {
        let mut list = counted(self.reasons.clone());
        list.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
        list
    }

    pub fn is_exercised(&self, which: ReqRef) -> bool {
        self.exercised.contains_key(&which)
    }

    /// Nothing was exercised so far.
    pub fn is_blank(&self) -> bool {
        self.exercised.is_empty()
    }

    pub fn exercised_any(&self, at: OpRef) -> bool {
        self.exercised.keys().any(|(operation, _)| *operation == at)
    }
}

fn shown_after(case: &Case, finding: &Finding) -> u64 {
    case.history.exchanges.iter().filter(|exchange| exchange.command <= finding.command).count() as u64
}

fn witness<K: Ord>(map: &mut BTreeMap<K, Witness>, key: K, case: &Case) {
    let known = map.entry(key).or_insert_with(|| (case.number, case.script.clone(), case.history.clone()));
    if case.number < known.0 {
        *known = (case.number, case.script.clone(), case.history.clone());
    }
}

fn mind_changed(set: &SpecSet, at: OpRef, requirement: usize, one: &str, other: &str) -> Finding {
    let operation = set.operation(at);
    let asked = &operation.requirements[requirement];
    Finding {
        key: format!("{}{}", asked.id, blame::TWO_ANSWERS),
        nature: Nature::Inconsistent,
        requirement: (at, requirement),
        summary: format!("{} answers an open question in two ways: {one}, and {other}", operation.name),
        expected: vec![format!("one of them each time: {}", asked.text)],
        actual: format!("{one}, and {other}").into(),
        command: 0,
        culprit: 0,
        before: Vec::new(),
        orders: Vec::new(),
    }
}
