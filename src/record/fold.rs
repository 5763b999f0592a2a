//! From records to what a run reports.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    line::{Again, Found, Judged as Line, Shown, Superseded},
    read::{Record, Step},
};
use crate::{
    campaign::{
        Case, Confirmed, Doubts, Failed, First, Frame, Outcome, Shard, Tally, Verdict, conclude, failures, merge,
        outcome::{self, FindingResult},
        unanswered,
    },
    history::History,
    oracle::{Finding, blame, finding::ReqRef, judge},
    sequence::Script,
    spec::{SpecSet, service::OpRef},
};

/// What records come to.
pub struct Folded {
    pub outcome: Outcome,
    /// Requirements that were selected; all when empty.
    pub only: Vec<ReqRef>,
    /// What was recorded and the specs of today do not know any more, with how often.
    pub misfits: BTreeMap<String, u64>,
}

/// Judges recorded histories by these specs, and adds them up. Records of several shards are taken in the order of the
/// shards.
pub fn fold(set: &SpecSet, records: &[Record]) -> Folded {
    let mut records: Vec<&Record> = records.iter().collect();
    records.sort_by_key(|record| shard(record).number);
    let names = Names::new(set);
    let mut folding = Folding { set, names: &names, tally: Tally::default(), misfits: BTreeMap::new() };
    let mut doubts = Doubts::default();
    for record in &records {
        if record.head.own {
            folding.tally.forget_values();
        }
        for step in &record.steps {
            match step {
                Step::Judged(line) => folding.case(record, line, &mut doubts),
                Step::Confirmed(again) => folding.confirmed(again, &mut doubts),
            }
        }
    }
    doubts.count(&mut folding.tally);
    let mut ends = records.iter().filter_map(|record| record.end.as_ref());
    folding.tally.stopped = ends.find_map(|end| end.report["stopped"].as_str().map(str::to_owned));
    let operations = folding.all(&records, |head| &head.operations, |id| set.find(id));
    let aims = folding.all(&records, |head| &head.aims, |id| names.requirement(id));
    let only = folding.all(&records, |head| &head.selected, |id| names.requirement(id));
    let unplanned = unplanned(set, &names, &records, &operations, &aims);
    let mut findings: Vec<FindingResult> = Vec::new();
    for first in failures(set, &mut folding.tally) {
        let requirement = first.finding.requirement;
        match folding.baseless(&first, &records) {
            Some(why) => folding.tally.baseless(requirement, why),
            None => folding.told(first, &records).into_iter().for_each(|result| merge(&mut findings, result)),
        }
    }
    for result in &mut findings {
        result.shrink_requests = telling(&records, &result.finding.key).map(|found| found.shrink_requests).sum();
    }
    let side_by_side = records.iter().any(|record| record.head.side_by_side);
    let frame = Frame { set, operations: &operations, aims: &aims, unplanned: &unplanned, side_by_side };
    let concluded = conclude(&frame, &mut folding.tally, &mut findings);
    let tally = &folding.tally;
    let mut reasons = tally.reasons();
    let gaps = gaps(&records);
    let verdict = match concluded.verdict {
        Verdict::Conforms if !gaps.is_empty() || !folding.misfits.is_empty() => Verdict::Inconclusive,
        verdict => verdict,
    };
    let misfits = folding.misfits.iter().map(|(why, times)| (format!("no longer fits the specs: {why}"), *times));
    reasons.splice(0..0, gaps.into_iter().map(|gap| (gap, 1)).chain(misfits));
    let requests = records.iter().map(|record| record.requests.0).sum();
    let outcome = Outcome {
        verdict,
        seed: joined(records.iter().map(|record| &*record.head.seed)),
        endpoint: joined(records.iter().map(|record| &*record.head.endpoint)),
        cases: tally.cases,
        requests,
        // What came with them is in the report of the run.
        spent: requests,
        shrink_requests: records.iter().map(|record| record.requests.1).sum(),
        seconds: records.iter().map(|record| seconds(record)).fold(0.0, f64::max),
        stopped: tally.stopped.clone(),
        interrupted: records.iter().any(|record| record.end.as_ref().is_none_or(|end| end.interrupted)),
        operations: concluded.operations,
        observations: tally.observations(set),
        findings,
        races: tally.races,
        messages: tally.messages(),
        reasons,
    };
    Folded { outcome, only, misfits: folding.misfits }
}

/// The shard that a record is of; one that cannot be read is the whole run.
pub fn shard(record: &Record) -> Shard {
    record.head.shard.parse().unwrap_or(Shard::WHOLE)
}

fn seconds(record: &Record) -> f64 {
    record.end.as_ref().map_or(record.last_ms as f64 / 1000.0, |end| end.seconds)
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut known = BTreeSet::new();
    texts.filter(|text| known.insert(*text)).collect::<Vec<_>>().join(", ")
}

/// What is missing of the whole run.
fn gaps(records: &[&Record]) -> Vec<String> {
    let Some(first) = records.first() else { return Vec::new() };
    let of = shard(first).of;
    let missing: Vec<String> = (1..=of)
        .map(|number| Shard { number, of })
        .filter(|part| records.iter().all(|record| shard(record) != *part))
        .map(|part| part.to_string())
        .collect();
    let mut gaps = Vec::new();
    if !missing.is_empty() {
        gaps.push(format!("there is no record of shard {}", missing.join(", ")));
    }
    for record in records.iter().filter(|record| record.end.is_none()) {
        let whose = if of == 1 { String::new() } else { format!(" of shard {}", record.head.shard) };
        let cases = record.unfinished();
        gaps.push(format!("the record{whose} ends before the run did; cases under way: {cases}"));
    }
    gaps
}

/// Why requirements have no plan: in no record, that is.
fn unplanned(
    set: &SpecSet,
    names: &Names<'_>,
    records: &[&Record],
    operations: &[OpRef],
    aims: &[ReqRef],
) -> BTreeMap<ReqRef, String> {
    let recorded = records.iter().flat_map(|record| &record.head.unplanned);
    let mut unplanned: BTreeMap<ReqRef, String> =
        recorded.filter_map(|(id, why)| Some((names.requirement(id)?, why.clone()))).collect();
    let is_today = |record: &&&Record| record.head.specs == set.digest;
    // Where the specs have not changed, nothing is new.
    let operations = if records.iter().filter(is_today).count() == records.len() { &[] } else { operations };
    for at in operations {
        for (index, requirement) in set.operation(*at).requirements.iter().enumerate() {
            let why = requirement.unreachable.clone().unwrap_or_else(|| "no recorded case aimed at it".into());
            unplanned.entry((*at, index)).or_insert(why);
        }
    }
    unplanned.retain(|which, _| !aims.contains(which));
    unplanned
}

/// Requirements by their ids.
struct Names<'a>(BTreeMap<&'a str, ReqRef>);

impl<'a> Names<'a> {
    fn new(set: &'a SpecSet) -> Self {
        Self(set.requirements().map(|(at, index, requirement)| (&*requirement.id, (at, index))).collect())
    }

    fn requirement(&self, id: &str) -> Option<ReqRef> {
        self.0.get(id).copied()
    }
}

struct Folding<'a> {
    set: &'a SpecSet,
    names: &'a Names<'a>,
    tally: Tally,
    misfits: BTreeMap<String, u64>,
}

impl Folding<'_> {
    fn misfit(&mut self, text: String) {
        *self.misfits.entry(text).or_default() += 1;
    }

    /// Everything of a sort that the heads name and the specs know, each once.
    fn all<T: PartialEq>(
        &mut self,
        records: &[&Record],
        of: impl Fn(&super::Head) -> &Vec<String>,
        find: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        let mut seen = BTreeSet::new();
        for id in records.iter().flat_map(|record| of(&record.head)).filter(|id| seen.insert(*id)) {
            match find(id) {
                Some(found) if !list.contains(&found) => list.push(found),
                Some(_) => {}
                None => self.misfit(format!("the specs have no `{id}`")),
            }
        }
        list
    }

    fn case(&mut self, record: &Record, line: &Line, doubts: &mut Doubts) {
        let Some((aims, script)) = record.cases.get(&line.case) else {
            return self.misfit("the record does not say what a case was".into());
        };
        let mut script = match Script::from_json(self.set, script) {
            Ok(script) => script,
            // Which command it is differs from case to case; what is wrong with it does not.
            Err(why) => return self.misfit(why.split_once(": ").map_or(&*why, |(_, why)| why).to_owned()),
        };
        script.aims = aims.iter().filter_map(|id| self.names.requirement(id)).collect();
        let history = line.around.history(record.exchanges.get(&line.case).cloned().unwrap_or_default());
        let judged = judge(self.set, &script, &history);
        let requests = history.exchanges.len() as u64;
        let mut case = Case { number: line.case, script, history, judged, requests };
        self.tally.was_too_slow(&mut case, record.head.patience_ms);
        doubts.add(self.set, &case);
        self.tally.add(self.set, &case);
    }

    fn confirmed(&mut self, again: &Again, doubts: &mut Doubts) {
        let Some(promised) = self.names.requirement(&again.requirement) else {
            return self.misfit(format!("the specs have no `{}`", again.requirement));
        };
        let failure = again.shown.as_ref().and_then(|shown| {
            let (script, history) = restored(self.set, shown)?;
            let finding = unanswered(self.set, &script, &history)?;
            let shown_after = doubts.shown_after(again.case, promised);
            Some(First::new(again.case, shown_after, finding, script, history))
        });
        let Again { case: number, executions, requests, answered, .. } = *again;
        let confirmed = Confirmed { number, promised, executions, requests, answered, failure };
        doubts.settle(&confirmed);
        self.tally.confirmed(confirmed);
    }

    /// Why every run that shrank a failure took it for none, by the specs of today.
    fn baseless(&self, first: &First, records: &[&Record]) -> Option<String> {
        let key = &first.finding.key;
        if telling(records, key).next().is_some() {
            return None;
        }
        let today = records.iter().filter(|record| record.head.specs == self.set.digest);
        let mut superseded = today.flat_map(|record| superseding(record, key));
        let why = superseded.next()?.why.clone();
        why.filter(|_| superseded.all(|superseded| superseded.why.is_some()))
    }

    /// What is told of a failure: that it shows, or other findings that came to light when it was shrunk; all of that where
    /// shards differ.
    fn told(&self, first: First, records: &[&Record]) -> Vec<FindingResult> {
        let key = &first.finding.key;
        let by = records.iter().flat_map(|record| superseding(record, key)).filter_map(|one| one.by.as_ref());
        let by = by.filter_map(|key| telling(records, key).next());
        let by: Vec<First> = by.filter_map(|found| self.first_of(found, &first)).collect();
        let is_told = telling(records, key).next().is_some();
        let own = Some(first).filter(|_| is_told || by.is_empty());
        own.into_iter().chain(by).map(|first| self.finding(first, records)).collect()
    }

    /// A failure with the shortest script of those that were recorded and still show it; best one that shows it each time. What
    /// shrinking took is added up later, for all that it tells.
    fn finding(&self, first: First, records: &[&Record]) -> FindingResult {
        let requests_to_failure = self.tally.requests_to_failure(&first);
        let counts = blame::counts(self.set, &first.finding);
        let mut again: Vec<(&Found, Finding, Script, History)> = telling(records, &first.finding.key)
            .filter_map(|found| {
                let (script, history) = restored(self.set, &found.shown)?;
                let finding = self.shows(&first, &script, &history)?;
                Some((found, finding, script, history))
            })
            .collect();
        again.sort_by_key(|(found, _, script, _)| (found.times_shown < found.times, script.commands.len()));
        let (failed, again) = match again.into_iter().next() {
            Some((found, finding, script, history)) => {
                (Failed { script, history, finding }, outcome::Again { times: found.times, shown: found.times_shown })
            }
            // Nobody has run it again.
            None => (first.excerpt(self.set), outcome::Again::NEVER),
        };
        let Failed { script, history, finding } = failed;
        FindingResult {
            finding,
            script,
            history,
            again,
            cases: first.cases,
            requests_to_failure,
            shrink_requests: 0,
            counts,
        }
    }

    /// What a recorded finding shows in place of a failure that it tells, if it still does.
    fn first_of(&self, found: &Found, told: &First) -> Option<First> {
        let (script, history) = restored(self.set, &found.shown)?;
        let mut shown = judge(self.set, &script, &history).findings.into_iter();
        let finding = shown.find(|finding| blame::is_told_by(&finding.key, &found.told.key))?;
        let cases = told.cases;
        Some(First { cases, ..First::new(told.number, told.shown_after, finding, script, history) })
    }

    fn shows(&self, first: &First, script: &Script, history: &History) -> Option<Finding> {
        let shown = judge(self.set, script, history).findings;
        let shown = shown.into_iter().find(|finding| blame::is_told_by(&finding.key, &first.finding.key));
        // What was told of several cases ends where it shows.
        let place = script.commands.len().saturating_sub(1);
        let of_several = || Finding { command: place, culprit: place, ..first.finding.clone() };
        shown.or_else(|| (!blame::is_of_one_run(&first.finding)).then(of_several))
    }
}

/// Recorded findings that tell of a failure with this key.
fn telling<'a>(records: &'a [&Record], key: &'a str) -> impl Iterator<Item = &'a Found> {
    let recorded = records.iter().flat_map(|record| &record.findings);
    recorded.filter(|found| blame::is_told_by(&found.told.key, key))
}

/// What a run took a failure with this key for.
fn superseding<'a>(record: &'a Record, key: &'a str) -> impl Iterator<Item = &'a Superseded> {
    record.superseded.iter().filter(|superseded| blame::is_told_by(&superseded.key, key))
}

fn restored(set: &SpecSet, shown: &Shown) -> Option<(Script, History)> {
    let script = Script::from_json(set, &shown.script).ok()?;
    Some((script, shown.around.history(shown.exchanges.clone())))
}
