//! One counterexample, run again: does it still show itself?

use std::{collections::BTreeMap, time::Instant};

use super::{
    confirm::no_answer,
    counterexample::Counterexample,
    outcome::{Again, FindingResult, Verdict, counted},
};
use crate::{
    endpoint::Endpoint,
    execute::{Surroundings, execute},
    history::History,
    oracle::{
        Finding, Judged, blame,
        finding::{Races, ReqRef},
        judge,
    },
    spec::SpecSet,
};

/// What came of it, as plain data.
#[derive(Debug, Clone)]
pub struct Replayed {
    pub verdict: Verdict,
    /// Times that it was run.
    pub times: u32,
    /// Times that the finding below showed itself.
    pub shown: u32,
    /// The failure of the file or, where that never came, another one that counts.
    pub finding: Option<FindingResult>,
    /// Why nothing can be said.
    pub reason: Option<String>,
    /// Why parts of the runs could not be judged, with how often.
    pub reasons: Vec<(String, u64)>,
    /// Calls that were to overlap.
    pub races: Races,
    pub requests: u64,
    pub seconds: f64,
}

impl Replayed {
    /// What showed itself is the failure of the file.
    pub fn is_same(&self, file: &Counterexample) -> bool {
        self.finding.as_ref().is_some_and(|result| file.is_shown_by(&result.finding.key))
    }
}

/// Runs the script so many times, each on fresh resources.
pub async fn replay(
    set: &SpecSet,
    file: &Counterexample,
    endpoint: &dyn Endpoint,
    around: &Surroundings,
    times: u32,
) -> Replayed {
    let began = Instant::now();
    let mut runs = Vec::new();
    for number in 1..=times {
        runs.push(once(set, file, endpoint, around, number).await);
    }
    let finding = shown(set, file, &runs);
    let reason = if finding.is_some() { None } else { unjudged(file, &runs) };
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for reason in runs.iter().flat_map(|run| &run.judged.reasons) {
        *reasons.entry(reason.text.clone()).or_default() += 1;
    }
    let mut races = Races::default();
    runs.iter().for_each(|run| races += run.judged.races);
    Replayed {
        verdict: match (&finding, &reason) {
            (Some(_), _) => Verdict::Violates,
            (None, Some(_)) => Verdict::Inconclusive,
            (None, None) => Verdict::Conforms,
        },
        times,
        shown: finding.as_ref().map_or(0, |result| u32::try_from(result.cases).unwrap_or(times)),
        finding,
        reason,
        reasons: counted(reasons),
        races,
        requests: runs.iter().map(Once::requests).sum(),
        seconds: began.elapsed().as_secs_f64(),
    }
}

/// One run of the script, judged.
struct Once {
    history: History,
    judged: Judged,
}

impl Once {
    fn requests(&self) -> u64 {
        self.history.exchanges.len() as u64
    }

    fn shows(&self, key: &str, racing: bool) -> bool {
        self.judged.findings.iter().any(|finding| blame::is_same(&finding.key, key, racing))
    }
}

async fn once(
    set: &SpecSet,
    file: &Counterexample,
    endpoint: &dyn Endpoint,
    around: &Surroundings,
    number: u32,
) -> Once {
    let history = execute(set, &file.script, endpoint, around, &format!("r{number}")).await;
    let mut judged = judge(set, &file.script, &history);
    if let Some(finding) = unanswered(set, file, &history, &judged) {
        judged.findings.push(finding);
    }
    Once { history, judged }
}

/// A documented call that earns no answer is a finding only when it comes every time; the file says that it did.
fn unanswered(set: &SpecSet, file: &Counterexample, history: &History, judged: &Judged) -> Option<Finding> {
    let is_meant = |(at, index): ReqRef| set.operation(at).requirements[index].id == file.requirement;
    let (reason, promised) = judged.reasons.iter().find_map(|reason| {
        let promised = reason.promised.as_ref().filter(|promised| is_meant(promised.requirement))?;
        Some((reason, promised.clone()))
    })?;
    let is_of_none = file.key.ends_with(blame::NO_ANSWER);
    is_of_none.then(|| Finding {
        summary: file.summary.clone(),
        ..no_answer(set, promised, &reason.text, history, reason.command)
    })
}

/// The failure of the file, where some run shows it; otherwise the first other one that counts.
fn shown(set: &SpecSet, file: &Counterexample, runs: &[Once]) -> Option<FindingResult> {
    let found =
        || runs.iter().enumerate().flat_map(|(index, run)| run.judged.findings.iter().map(move |one| (index, one)));
    let same = found().find(|(_, finding)| finding.key == file.key);
    let same = same.or_else(|| found().find(|(_, finding)| file.is_shown_by(&finding.key)));
    let (index, finding) = same.or_else(|| found().find(|(_, finding)| blame::counts(set, finding)))?;
    let n_shown = runs.iter().filter(|run| run.shows(&finding.key, file.is_race())).count();
    Some(FindingResult {
        finding: finding.clone(),
        script: file.script.clone(),
        history: runs[index].history.clone(),
        again: Again { times: runs.len() as u32, shown: n_shown as u32 },
        cases: n_shown as u64,
        requests_to_failure: runs[..=index].iter().map(Once::requests).sum(),
        shrink_requests: 0,
        counts: true,
    })
}

/// Why it cannot be said that the failure is gone.
fn unjudged(file: &Counterexample, runs: &[Once]) -> Option<String> {
    if file.key.ends_with(blame::TWO_ANSWERS) {
        return Some(format!(
            "{} (it takes two scripts to show that; `aswritten run {}` does)",
            file.summary, file.requirement
        ));
    }
    let reasons: Option<Vec<_>> = runs.iter().map(|run| run.judged.reasons.first()).collect();
    reasons?.first().map(|reason| reason.text.clone())
}
