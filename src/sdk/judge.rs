//! What a call through an SDK says of the requirements. Pure: the same call, the same judgements.

mod answer;
mod request;
mod trouble;

use serde_json::{Map, Value};

use super::{
    bench::{Seen, Surfaced},
    case::Case,
    catalogue::Adapter,
    server::Arrival,
    spoil::{Meaning, Spoil},
};
use crate::{
    spec::SpecSet,
    wire::{Answer, protocol},
};

/// One requirement, as one call meets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub requirement: &'static str,
    /// None when it is met.
    pub breach: Option<Breach>,
}

/// How a requirement is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The same for all breaches of one kind: two with one symptom are one finding.
    pub symptom: String,
    pub summary: String,
    pub expected: String,
}

/// What is needed to judge a call.
#[derive(Clone, Copy)]
struct Trial<'a> {
    set: &'a SpecSet,
    adapter: &'a Adapter,
    case: &'a Case,
    seen: &'a Seen,
}

/// Judges a call.
pub fn judge(set: &SpecSet, adapter: &Adapter, case: &Case, seen: &Seen) -> Vec<Judgement> {
    let trial = Trial { set, adapter, case, seen };
    let mut found = Judgements::default();
    if is_overtaken(seen) {
        return found.list;
    }
    request::judge(&trial, &mut found);
    if seen.arrivals.is_empty() {
        return found.list;
    }
    if trial.retries() > 0 || trial.is_settled().is_none() {
        trouble::judge(&trial, &mut found);
    } else {
        answer::judge(&trial, &mut found);
    }
    trouble::judge_repeats(&trial, &mut found);
    found.list
}

#[derive(Default)]
struct Judgements {
    list: Vec<Judgement>,
}

impl Judgements {
    fn met(&mut self, requirement: &'static str) {
        self.list.push(Judgement { requirement, breach: None });
    }

    fn broken(&mut self, requirement: &'static str, symptom: &str, summary: String, expected: impl Into<String>) {
        let breach = Breach { symptom: symptom.into(), summary, expected: expected.into() };
        self.list.push(Judgement { requirement, breach: Some(breach) });
    }

    /// Met, or broken as told.
    fn settle(
        &mut self,
        requirement: &'static str,
        is_met: bool,
        symptom: &str,
        told: impl FnOnce() -> (String, String),
    ) {
        if is_met {
            return self.met(requirement);
        }
        let (summary, expected) = told();
        self.broken(requirement, symptom, summary, expected);
    }

    fn is_broken(&self, requirement: &str) -> bool {
        self.list.iter().any(|judgement| judgement.requirement == requirement && judgement.breach.is_some())
    }
}

/// What the service said in an answer.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Success(Map<String, Value>),
    Refused { status: u16, code: String, message: String, request_id: Option<String> },
}

/// Its time ran out although nobody kept silent, and it came back all the same: the machine may have been too busy, and
/// nothing can be told.
pub fn is_overtaken(seen: &Seen) -> bool {
    let is_silent = seen.arrivals.iter().any(|arrival| arrival.treatment.spoil == Spoil::Silence);
    let came_back = !matches!(seen.surfaced, Surfaced::Hung);
    came_back && seen.took.as_millis() >= u128::from(seen.call.options.timeout_ms) && !is_silent
}

/// A call that goes on for long after its time has run out, though nobody kept silent.
pub fn too_late(seen: &Seen) -> Option<Judgement> {
    let timeout = seen.call.options.timeout_ms;
    // Whoever gives up in time has kept to what the caller has set.
    if !is_overtaken(seen) || seen.took.as_millis() * 2 < u128::from(timeout) * 3 {
        return None;
    }
    let requirement = seen.arrivals.last().map_or("trouble/silence", |arrival| match arrival.treatment.spoil {
        Spoil::Nothing => "answer/success",
        ref spoil => spoil.requirement(),
    });
    let summary = format!("the call comes back after {} ms, though it was answered at once", seen.took.as_millis());
    let expected = format!("an end within the {timeout} ms that the caller has set");
    Some(Judgement { requirement, breach: Some(Breach { symptom: "too late".into(), summary, expected }) })
}

impl Trial<'_> {
    fn retries(&self) -> u32 {
        if self.seen.treated { self.case.retries } else { 0 }
    }

    /// What the service said, as an answer that arrived whole says it.
    fn said(&self, arrival: &Arrival) -> Option<Said> {
        let protocol = protocol::find(&self.set.service(self.seen.operation).protocol)?;
        let answer = arrival.answer.as_ref()?;
        Some(match protocol.decode_answer(answer, None).ok()? {
            Answer::Success(fields) => Said::Success(fields),
            Answer::Failure { code, message, request_id, .. } => {
                Said::Refused { status: answer.status, code, message, request_id }
            }
        })
    }

    /// The last answer, where it says what the service said.
    fn is_settled(&self) -> Option<(&Arrival, Said)> {
        let last = self.seen.arrivals.last()?;
        let strayed = self.seen.arrivals.iter().any(|arrival| arrival.treatment.spoil.meaning() != Meaning::Kept);
        let redirected = matches!(self.seen.arrivals[0].treatment.spoil, Spoil::Redirect { .. });
        if strayed || redirected { None } else { Some((last, self.said(last)?)) }
    }

    fn is_success(&self) -> bool {
        matches!(self.seen.surfaced, Surfaced::Success { .. })
    }

    /// What surfaced is an error that callers are told to catch; what it is otherwise.
    fn foreign(&self) -> Option<String> {
        match &self.seen.surfaced {
            Surfaced::Success { .. } => None,
            Surfaced::Error(shown) if self.adapter.is_own(&shown.class) => None,
            Surfaced::Error(shown) => Some(shown.class.first().cloned().unwrap_or_else(|| "nothing known".into())),
            Surfaced::Hung => Some("nothing: the call did not come back".into()),
            Surfaced::Died(_) => Some("nothing: the process ended".into()),
        }
    }

    /// The documented fields of a success all surface.
    fn missing_field(&self, fields: &Map<String, Value>) -> Option<String> {
        let Surfaced::Success { fields: Some(seen), .. } = &self.seen.surfaced else {
            return Some("any field".into());
        };
        let documented = self.set.operation(self.seen.operation).fields.iter();
        let differs = |name: &str| match crate::value::field_at(fields, name) {
            Some(value) if !value.is_object() && !value.is_array() => {
                let shown = crate::value::field_at(seen, name);
                shown.is_none_or(|shown| crate::value::as_text(shown) != crate::value::as_text(value))
            }
            _ => false,
        };
        documented.map(|field| &field.name).find(|name| differs(name)).map(|name| format!("`{name}`"))
    }
}
