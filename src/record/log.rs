//! Writes a record while the run goes.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::line::{Again, Around, Exchanged, Found, Head, Judged, Line, Sent, Shown, Superseded, Told, id};
use crate::{
    campaign::{Event, Outcome, outcome::FindingResult},
    endpoint::{Call, Noted, named},
    history::{History, Reply},
    oracle::Finding,
    sequence::Script,
    spec::SpecSet,
};

/// What stands where a secret stood.
const REDACTED: &str = "[secret]";

/// A record that is being written.
pub struct Log {
    set: Arc<SpecSet>,
    head: Head,
    /// As they are written in JSON.
    secrets: Vec<SecretString>,
    began: Instant,
    out: Mutex<Out>,
}

struct Out {
    file: File,
    /// The first thing that went wrong; nothing is written after it, so that no line is half of another.
    failed: Option<io::Error>,
}

impl Log {
    /// Begins a record; a file that was there is written anew. The head is completed when the run begins.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, set: Arc<SpecSet>, head: Head, secrets: &[SecretString]) -> io::Result<Self> {
        let file = File::create(path)?;
        let escaped = |secret: &SecretString| {
            let text = Value::from(secret.expose_secret()).to_string();
            SecretString::from(text[1..text.len() - 1].to_owned())
        };
        let secrets = secrets.iter().filter(|secret| !secret.expose_secret().is_empty()).map(escaped).collect();
        Ok(Self { set, head, secrets, began: Instant::now(), out: Mutex::new(Out { file, failed: None }) })
    }

    /// Writes what a run tells.
    pub fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Started { cases, aims, unplanned } => self.write(&Line::Run(Box::new(Head {
                cases: *cases,
                aims: aims.iter().map(|aim| id(&self.set, *aim)).collect(),
                unplanned: unplanned.iter().map(|(which, why)| (id(&self.set, *which), why.clone())).collect(),
                ..self.head.clone()
            }))),
            Event::Begun { number, script } => self.write(&Line::Case {
                case: *number,
                aims: script.aims.iter().map(|aim| id(&self.set, *aim)).collect(),
                script: script.to_json(&self.set),
            }),
            Event::Judged(case) => self.write(&Line::Judged(Judged {
                case: case.number,
                around: Around::from(&case.history),
                exercised: case.judged.exercised.iter().map(|which| id(&self.set, *which)).collect(),
                findings: case.judged.findings.iter().map(|finding| self.told(finding)).collect(),
                reasons: case.judged.reasons.iter().map(|reason| reason.text.clone()).collect(),
            })),
            Event::Confirmed(confirmed) => self.write(&Line::Confirmed(Again {
                case: confirmed.number,
                requirement: id(&self.set, confirmed.promised),
                executions: confirmed.executions,
                requests: confirmed.requests,
                answered: confirmed.answered,
                shown: confirmed.failure.as_ref().map(|first| self.shown(&first.script, &first.history)),
            })),
            Event::Superseded { key, requirement, by, why } => self.write(&Line::Superseded(Superseded {
                key: (*key).into(),
                requirement: id(&self.set, *requirement),
                by: by.map(str::to_owned),
                why: why.map(str::to_owned),
            })),
            Event::Shrunk(result) => self.write(&Line::Finding(self.found(result))),
            Event::Progress { .. } | Event::Shrinking { .. } | Event::Finished => {}
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes what a guard has sent by itself.
    pub fn own(&self, call: &Call, reply: &Reply) {
        let operation = self.set.operation(call.operation);
        self.write(&Line::Own {
            at_ms: self.now_ms(),
            operation: operation.id.clone(),
            arguments: named(operation, &call.arguments),
            reply: reply.into(),
        });
    }

    /// Writes an exchange.
    pub fn note(&self, noted: &Noted<'_>) {
        self.write(&Line::Exchange(Sent {
            of: noted.execution.into(),
            at_ms: self.now_ms(),
            operation: self.set.operation(noted.operation).id.clone(),
            exchange: Exchanged::from(noted.exchange),
            cleaning: noted.cleaning,
        }));
    }

    /// Writes the end, with the report as JSON.
    ///
    /// # Errors
    /// What kept any line of the record from being written.
    pub fn finish(&self, outcome: &Outcome, report: Value) -> io::Result<()> {
        self.write(&Line::End {
            verdict: outcome.verdict.name().into(),
            seconds: outcome.seconds,
            interrupted: outcome.interrupted,
            report,
        });
        self.out.lock().unwrap_or_else(PoisonError::into_inner).failed.take().map_or(Ok(()), Err)
    }

    fn told(&self, finding: &Finding) -> Told {
        Told {
            key: finding.key.clone(),
            requirement: id(&self.set, finding.requirement),
            summary: finding.summary.clone(),
        }
    }

    fn found(&self, result: &FindingResult) -> Found {
        Found {
            told: self.told(&result.finding),
            status: result.finding.nature.name().into(),
            counts: result.counts,
            times: result.again.times,
            times_shown: result.again.shown,
            cases: result.cases,
            requests_to_failure: result.requests_to_failure,
            shrink_requests: result.shrink_requests,
            shown: self.shown(&result.script, &result.history),
        }
    }

    fn shown(&self, script: &Script, history: &History) -> Shown {
        Shown {
            script: script.to_json(&self.set),
            around: Around::from(history),
            exchanges: history.exchanges.iter().map(Exchanged::from).collect(),
        }
    }

    /// Writes one line, whole.
    fn write(&self, line: &Line) {
        let mut text = match serde_json::to_string(line) {
            Ok(text) => text,
            Err(error) => return self.fail(error.into()),
        };
        for secret in &self.secrets {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), REDACTED);
            }
        }
        text.push('\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.failed.is_none() {
            // One write for a line: a process that is killed leaves whole lines.
            out.failed = out.file.write_all(text.as_bytes()).err();
        }
    }

    fn fail(&self, error: io::Error) {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).failed.get_or_insert(error);
    }
}
