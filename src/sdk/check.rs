//! What an adapter gets wrong.
//!
//! Each check starts from the protocol's document: the handshake, one line for each question, calls that reach the endpoint as
//! they were asked for, answers and errors that surface, and nothing that ends the adapter.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    bench::{Bench, Surfaced},
    case::Case,
    catalogue::Adapter,
    process::{Launch, Process, ProcessError},
    protocol::{Hello, Known, Outcome, PROTOCOL, Question, Told},
    spoil::{Sort, Spoil, Treatment},
};
use crate::{
    model::Caller,
    sequence::{Command, Purpose, Script},
    spec::{
        SpecSet,
        operation::ParamType,
        service::{OpRef, RegionTravel},
    },
};

/// How long an adapter may think about a question that makes no call, and how long it may take to end.
const QUICK: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(20);
/// How long a second line is waited for, which must not come.
const QUIET: Duration = Duration::from_millis(300);

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub what: String,
    pub result: Result<(), String>,
}

/// Checks an adapter. It ends early only when nothing can be asked any longer.
pub fn check(set: &Arc<SpecSet>, launch: &Launch) -> Vec<Checked> {
    let mut found = Vec::new();
    let hello = handshake(launch, &mut found);
    let Some(hello) = hello else { return found };
    let mut note = |what: String, result: Result<(), String>| found.push(Checked { what, result });
    note("names at least one SDK, each with a version".into(), names(set, &hello));
    note("says that it does not speak a protocol that does not exist".into(), refuses_version(launch));
    note("answers a line that is no JSON, and goes on".into(), survives(launch, "this is no JSON"));
    note(
        "answers a question that it does not know, and goes on".into(),
        survives(launch, r#"{"id":7,"ask":"no-such-question"}"#),
    );
    note("writes one line for each question, and nothing else".into(), one_line(launch));
    note("says `unsupported` of a service that it does not have".into(), unsupported(launch, &hello));
    for known in &hello.sdks {
        match calls(set, launch, known) {
            Ok(checked) => found.extend(checked),
            Err(error) => {
                found.push(Checked {
                    what: format!("{}: can be called", known.service),
                    result: Err(format!("failed to {error}")),
                });
            }
        }
    }
    let ends = Process::start(launch).and_then(|mut process| {
        process.ask(Question::Hello { protocol: PROTOCOL }, QUICK)?;
        Ok(process.finish(END))
    });
    let result = match ends {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("it still runs {} s after its standard input has ended", END.as_secs())),
        Err(error) => Err(format!("failed to {error}")),
    };
    found.push(Checked { what: "ends when its standard input ends".into(), result });
    found
}

fn handshake(launch: &Launch, found: &mut Vec<Checked>) -> Option<Hello> {
    let (result, hello) = match Process::greet(launch) {
        Ok((_, hello)) if hello.id == 1 => (Ok(()), Some(hello)),
        Ok((_, hello)) => (Err(format!("it answers with id {}, not 1", hello.id)), Some(hello)),
        Err(error) => (Err(format!("failed to {error}")), None),
    };
    found.push(Checked { what: format!("starts, and says hello in protocol {PROTOCOL}"), result });
    hello
}

fn names(set: &SpecSet, hello: &Hello) -> Result<(), String> {
    let known = |name: &str| set.services.iter().any(|service| service.name == name);
    if let Some(stranger) = hello.sdks.iter().find(|sdk| !known(&sdk.service)) {
        let names: Vec<&str> = set.services.iter().map(|service| &*service.name).collect();
        return Err(format!("the specs have no service `{}`; they have {}", stranger.service, names.join(", ")));
    }
    match hello.sdks.iter().find(|sdk| sdk.sdk.is_empty() || sdk.sdk_version.is_empty()) {
        Some(nameless) => Err(format!("the SDK for {} has no name or no version", nameless.service)),
        None if hello.sdks.is_empty() => Err("`sdks` is empty".into()),
        None => Ok(()),
    }
}

fn refuses_version(launch: &Launch) -> Result<(), String> {
    let line = asked(launch, Question::Hello { protocol: 999_999 })?;
    match serde_json::from_str::<Told>(&line) {
        Ok(Told { outcome: Outcome::NotUnderstood { .. }, .. }) => Ok(()),
        _ => Err(format!("it should answer with \"outcome\":\"not-understood\", and answers {line}")),
    }
}

fn asked(launch: &Launch, question: Question) -> Result<String, String> {
    let mut process = Process::start(launch).map_err(|error| format!("failed to {error}"))?;
    process.ask(question, QUICK).map_err(|error| format!("failed to {error}"))
}

fn survives(launch: &Launch, line: &str) -> Result<(), String> {
    let fail = |error: ProcessError| format!("failed to {error}");
    let mut process = Process::start(launch).map_err(fail)?;
    process.say(line).map_err(fail)?;
    let answer = process.hear(QUICK).map_err(fail)?;
    let read = serde_json::from_str::<Told>(&answer);
    if !matches!(read, Ok(Told { outcome: Outcome::NotUnderstood { .. }, .. })) {
        return Err(format!("it should answer with \"outcome\":\"not-understood\", and answers {answer}"));
    }
    process.ask(Question::Hello { protocol: PROTOCOL }, QUICK).map_err(fail).map(drop)
}

fn one_line(launch: &Launch) -> Result<(), String> {
    let fail = |error: ProcessError| format!("failed to {error}");
    let mut process = Process::start(launch).map_err(fail)?;
    for _ in 0..2 {
        let line = process.ask(Question::Hello { protocol: PROTOCOL }, QUICK).map_err(fail)?;
        serde_json::from_str::<Hello>(&line).map_err(|error| format!("{error}: {line}"))?;
    }
    match process.hear(QUIET) {
        Err(ProcessError::Silent { .. }) => Ok(()),
        Ok(line) => Err(format!("nobody asked for {line}")),
        Err(error) => Err(fail(error)),
    }
}

fn unsupported(launch: &Launch, hello: &Hello) -> Result<(), String> {
    let call: super::protocol::Call = serde_json::from_value(json!({
        "service": "no-such-service", "version": "1", "action": "Nothing", "arguments": {}, "region": "",
        "endpoint": "http://127.0.0.1:9", "credentials": { "id": "a", "secret": "b" },
        "options": { "timeout_ms": 1000, "retries": 0, "retry_codes": [], "signing": "none" },
    }))
    .map_err(|error| error.to_string())?;
    if hello.sdks.iter().any(|sdk| sdk.service == call.service) {
        return Ok(());
    }
    let line = asked(launch, Question::Call(Box::new(call)))?;
    match serde_json::from_str::<Told>(&line) {
        Ok(Told { outcome: Outcome::Unsupported { .. }, .. }) => Ok(()),
        _ => Err(format!("it should answer with \"outcome\":\"unsupported\", and answers {line}")),
    }
}

/// Calls of one service: an error, and trouble.
fn calls(set: &Arc<SpecSet>, launch: &Launch, known: &Known) -> Result<Vec<Checked>, super::bench::BenchError> {
    let Some((at, _)) = set.operations().find(|(at, operation)| {
        set.service(*at).name == known.service && operation.is_documented() && operation.edition.is_none()
    }) else {
        return Ok(Vec::new());
    };
    let started = Process::greet(launch)?;
    let adapter = Arc::new(Adapter::unknown("adapter"));
    let mut bench = Bench::new(set.clone(), adapter, launch.clone(), started, known.clone())?;
    let case = |treatments: Vec<Treatment>| Case {
        script: Script::new(vec![plain_call(set, at)], Vec::new()),
        treatments,
        retries: 0,
        signing: set.service(at).signing.first().cloned().unwrap_or_default(),
        companions: false,
    };
    let refusal = Spoil::Refusal {
        status: 400,
        code: "AsWritten.Check".into(),
        message: "A message of the check.".into(),
        sort: Sort::Ordinary,
    };
    let mut found = Vec::new();
    let mut note = |what: &str, result: Result<(), String>| {
        found.push(Checked { what: format!("{}: {what}", known.service), result });
    };
    let refused = bench.run(&case(vec![Treatment { spoil: refusal, acts: false }]))?;
    let Some(seen) = refused.into_iter().next() else {
        note("can make the documented call", Err("it says that it has no way to".into()));
        return Ok(found);
    };
    note(
        "makes the call as one request to the endpoint",
        match seen.arrivals.len() {
            1 => Ok(()),
            n => Err(format!("{n} requests arrive")),
        },
    );
    note(
        "hands on the credentials",
        seen.signatures
            .iter()
            .find_map(|found| found.as_ref().err())
            .map_or(Ok(()), |refusal| Err(format!("the signature does not verify: {}", refusal.message))),
    );
    note("hands on action, region and arguments", handed_on(set, &bench.adapter, &case(Vec::new()), &seen));
    note(
        "writes the call as one would write it",
        if seen.written.is_empty() { Err("`call` is empty".into()) } else { Ok(()) },
    );
    note(
        "tells of an error with its code and message",
        match &seen.surfaced {
            Surfaced::Error(shown) if shown.code.as_deref() == Some("AsWritten.Check") && shown.message.is_some() => {
                Ok(())
            }
            other => Err(format!(
                "the service refused the call with the code AsWritten.Check, and it tells of {}",
                brief(other)
            )),
        },
    );
    let lost = bench.run(&case(vec![Treatment { spoil: Spoil::Closed, acts: false }]))?;
    note(
        "goes on when the connection breaks",
        match lost.first().map(|seen| &seen.surfaced) {
            Some(Surfaced::Error(_) | Surfaced::Success { .. }) => Ok(()),
            Some(other) => Err(format!("it tells of {}", brief(other))),
            None => Err("it says that it has no way to make the call".into()),
        },
    );
    Ok(found)
}

fn handed_on(set: &SpecSet, adapter: &Adapter, case: &Case, seen: &super::bench::Seen) -> Result<(), String> {
    let judged = super::judge::judge(set, adapter, case, seen);
    let of_request = judged.into_iter().filter(|judgement| {
        judgement.requirement.starts_with("request/")
            // How an SDK spells is its own affair; that a value arrives at all is the adapter's.
            && judgement.breach.as_ref().is_some_and(|breach| breach.symptom != "spelled otherwise")
            && !["request/once", "request/signature", "request/nothing-else"].contains(&judgement.requirement)
    });
    let wrong: Vec<String> = of_request.filter_map(|judgement| Some(judgement.breach?.summary)).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn brief(surfaced: &Surfaced) -> String {
    match surfaced {
        Surfaced::Success { .. } => "a success".into(),
        Surfaced::Error(shown) => format!("an error: {}", serde_json::to_string(shown).unwrap_or_default()),
        Surfaced::Hung => "nothing at all".into(),
        Surfaced::Died(stderr) => format!("nothing: it ended: {stderr}"),
    }
}

/// The documented call with everything that it must have, for things that do not exist.
fn plain_call(set: &SpecSet, at: OpRef) -> Command {
    let service = set.service(at);
    let region = service.given("region").map(|given| given.default.clone()).unwrap_or_default();
    let arguments = set.operation(at).params.iter().map(|param| {
        let is_region = param.region || (param.header && service.region == RegionTravel::Header);
        let value = match param.kind {
            _ if is_region => Some(Value::String(region.clone())),
            ParamType::Text => Some("m-aswritten1".into()),
            ParamType::Texts => Some(json!(["m-aswritten1", "m-aswritten2"])),
            ParamType::Integer => Some(1.into()),
            ParamType::Boolean => Some(true.into()),
            ParamType::Objects => None,
        };
        value.filter(|_| param.required || is_region || param.kind == ParamType::Boolean)
    });
    Command {
        operation: at,
        arguments: arguments.collect(),
        creates: Vec::new(),
        caller: Caller::Main,
        until: None,
        purpose: Purpose::Call,
        lane: None,
    }
}
