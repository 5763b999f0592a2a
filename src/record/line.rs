//! What the lines of a record say. Fields are only ever added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    history::{Exchange, History, Reply, Stamps, Trouble, TroubleKind},
    spec::{SpecSet, service::OpRef},
    value::Key,
};

/// Version of the lines.
pub const SCHEMA: u64 = 1;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Line {
    /// The first line: what the run is.
    Run(Box<Head>),
    /// A case is about to be executed.
    Case { case: u64, aims: Vec<String>, script: Value },
    /// A request with what came back.
    Exchange(Sent),
    /// What the guard sends by itself, to look ids up and to clean up, with what came back. No verdict rests on it.
    Own { at_ms: u64, operation: String, arguments: Map<String, Value>, reply: Replied },
    /// A case is over, and judged.
    Judged(Judged),
    /// A call that earned no answer was sent again.
    Confirmed(Again),
    /// A failure that is told by another finding, or is none.
    Superseded(Superseded),
    /// A failure, shrunk and confirmed.
    Finding(Found),
    /// The run is over; its report as JSON.
    End { verdict: String, seconds: f64, interrupted: bool, report: Value },
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

/// What the run is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub schema: u64,
    /// Version of the program.
    pub aswritten: String,
    /// Digest of the specs.
    pub specs: String,
    pub seed: String,
    pub endpoint: String,
    /// The endpoint was started for this run, and ended with it: nothing of it can be compared with another's.
    #[serde(default)]
    pub own: bool,
    /// Time of day, as ISO 8601 in UTC.
    pub started: String,
    /// `1/1` when it is the whole run.
    pub shard: String,
    /// Cases ran at the same time, or shards may have.
    #[serde(default)]
    pub side_by_side: bool,
    /// Cases that were planned.
    pub cases: u64,
    pub patience_ms: u64,
    /// Operations that are judged, by id.
    pub operations: Vec<String>,
    /// Requirements that were selected; all when empty.
    pub selected: Vec<String>,
    /// Requirements that cases aim at.
    pub aims: Vec<String>,
    /// Why others have no plan.
    pub unplanned: BTreeMap<String, String>,
    /// How requests travel, by service.
    pub addresses: BTreeMap<String, Value>,
}

/// A request with what came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Execution that it belongs to: the number of a case, with a suffix where a call of it is confirmed; `s` and a number
    /// where a failure is shrunk.
    pub of: String,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    pub operation: String,
    #[serde(flatten)]
    pub exchange: Exchanged,
    /// It removes what a script left, or looks whether anything is answered at all; it is not judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cleaning: bool,
}

/// An exchange within its execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchanged {
    /// Position of the command in the script, from 1.
    pub command: usize,
    pub arguments: Map<String, Value>,
    pub started_ms: u64,
    pub ended_ms: u64,
    /// Places in the order of everything that was sent and answered.
    #[serde(default)]
    pub start: u64,
    #[serde(default)]
    pub end: u64,
    pub reply: Replied,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replied {
    Success {
        status: u16,
        fields: Map<String, Value>,
    },
    Refused {
        status: u16,
        code: String,
        message: String,
        request_id: Option<String>,
    },
    Trouble {
        kind: String,
        text: String,
        may_have_happened: bool,
    },
    /// It was not sent.
    NotSent {
        reason: String,
    },
}

/// A case that is over: what its history is made of besides the exchanges, and the verdict that it earned then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub case: u64,
    #[serde(flatten)]
    pub around: Around,
    pub exercised: Vec<String>,
    pub findings: Vec<Told>,
    pub reasons: Vec<String>,
}

/// What a history is made of besides its exchanges.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Around {
    /// What places were filled with.
    pub filled: BTreeMap<String, String>,
    pub patience_ms: u64,
    pub linger_ms: u64,
    #[serde(default)]
    pub lag_ms: u64,
}

/// A finding in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub key: String,
    pub requirement: String,
    pub summary: String,
}

/// What came of sending a call again that had earned no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Again {
    pub case: u64,
    /// What was promised there.
    pub requirement: String,
    pub executions: u32,
    pub requests: u64,
    /// It earned an answer after all.
    #[serde(default)]
    pub answered: bool,
    /// The execution that shows that it never earns an answer.
    pub shown: Option<Shown>,
}

/// A failure that shrinking has shown to be another one, or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Superseded {
    pub key: String,
    pub requirement: String,
    /// Key of the finding that tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A failure, shrunk and confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    #[serde(flatten)]
    pub told: Told,
    pub status: String,
    pub counts: bool,
    /// How often its script was run again, and showed it.
    pub times: u32,
    pub times_shown: u32,
    pub cases: u64,
    pub requests_to_failure: u64,
    pub shrink_requests: u64,
    #[serde(flatten)]
    pub shown: Shown,
}

/// A script with what it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    pub script: Value,
    #[serde(flatten)]
    pub around: Around,
    pub exchanges: Vec<Exchanged>,
}

impl From<&Reply> for Replied {
    fn from(reply: &Reply) -> Self {
        match reply.clone() {
            Reply::Success { status, fields } => Self::Success { status, fields },
            Reply::Refused { status, code, message, request_id } => Self::Refused { status, code, message, request_id },
            Reply::Trouble(Trouble { kind, text, may_have_happened }) => {
                Self::Trouble { kind: kind.name().into(), text, may_have_happened }
            }
            Reply::NotSent { reason } => Self::NotSent { reason },
        }
    }
}

impl From<Replied> for Reply {
    fn from(replied: Replied) -> Self {
        match replied {
            Replied::Success { status, fields } => Self::Success { status, fields },
            Replied::Refused { status, code, message, request_id } => {
                Self::Refused { status, code, message, request_id }
            }
            Replied::Trouble { kind, text, may_have_happened } => {
                let known = [TroubleKind::Unreachable, TroubleKind::Timeout, TroubleKind::Unreadable];
                let kind = known.into_iter().find(|known| known.name() == kind).unwrap_or(TroubleKind::Broken);
                Self::Trouble(Trouble { kind, text, may_have_happened })
            }
            Replied::NotSent { reason } => Self::NotSent { reason },
        }
    }
}

impl From<&Exchange> for Exchanged {
    fn from(exchange: &Exchange) -> Self {
        Self {
            command: exchange.command + 1,
            arguments: exchange.arguments.clone(),
            started_ms: exchange.started_ms,
            ended_ms: exchange.ended_ms,
            start: exchange.stamps.start,
            end: exchange.stamps.end,
            reply: (&exchange.reply).into(),
        }
    }
}

impl From<Exchanged> for Exchange {
    fn from(exchanged: Exchanged) -> Self {
        Self {
            command: exchanged.command.saturating_sub(1),
            arguments: exchanged.arguments,
            started_ms: exchanged.started_ms,
            ended_ms: exchanged.ended_ms,
            stamps: Stamps { start: exchanged.start, end: exchanged.end },
            reply: exchanged.reply.into(),
        }
    }
}

impl From<&History> for Around {
    fn from(history: &History) -> Self {
        Self {
            filled: history.filled.iter().map(|(key, id)| (key.to_string(), id.clone())).collect(),
            patience_ms: history.patience_ms,
            linger_ms: history.linger_ms,
            lag_ms: history.lag_ms,
        }
    }
}

impl Around {
    /// The history with these exchanges. They were recorded as their answers came; calls of lanes left in another order.
    pub fn history(&self, mut exchanges: Vec<Exchanged>) -> History {
        exchanges.sort_by_key(|exchange| (exchange.start, exchange.end));
        History {
            exchanges: exchanges.into_iter().map(Exchange::from).collect(),
            filled: self.filled.iter().map(|(key, id)| (Key::from(key.as_str()), id.clone())).collect(),
            patience_ms: self.patience_ms,
            linger_ms: self.linger_ms,
            lag_ms: self.lag_ms,
        }
    }
}

impl Sent {
    /// It was sent while cases went on, not while a failure was shrunk.
    pub fn is_of_case(&self) -> bool {
        self.of.starts_with(|first: char| first.is_ascii_digit())
    }

    /// It was sent at all.
    pub fn was_sent(&self) -> bool {
        !matches!(self.exchange.reply, Replied::NotSent { .. })
    }
}

/// Id of a requirement.
pub fn id(set: &SpecSet, (at, requirement): (OpRef, usize)) -> String {
    set.operation(at).requirements[requirement].id.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_survive() {
        let trouble = |kind| Reply::Trouble(Trouble { kind, text: "why".into(), may_have_happened: true });
        let replies = [
            Reply::Success { status: 200, fields: Map::from_iter([("A".to_owned(), Value::from(1))]) },
            Reply::Refused { status: 403, code: "C".into(), message: "m".into(), request_id: Some("r".into()) },
            Reply::Refused { status: 403, code: "C".into(), message: "m".into(), request_id: None },
            trouble(TroubleKind::Unreachable),
            trouble(TroubleKind::Broken),
            trouble(TroubleKind::Timeout),
            trouble(TroubleKind::Unreadable),
            Reply::NotSent { reason: "why".into() },
        ];
        for reply in replies {
            let text = serde_json::to_string(&Replied::from(&reply)).expect("it is JSON");
            let back: Replied = serde_json::from_str(&text).expect(&text);
            assert_eq!(Reply::from(back), reply, "{text}");
        }
    }

    #[test]
    fn calls_of_a_race_come_as_they_left() {
        let call = |command, start, end| {
            let stamps = Stamps { start, end };
            let reply = Reply::NotSent { reason: String::new() };
            Exchange { command, arguments: Map::new(), started_ms: 0, ended_ms: 0, stamps, reply }
        };
        let left = History { exchanges: vec![call(0, 1, 2), call(1, 3, 6), call(2, 4, 5)], ..History::default() };
        let answered = [0, 2, 1].map(|place| Exchanged::from(&left.exchanges[place]));
        let read = Around::from(&left).history(answered.into());
        assert_eq!(read.exchanges, left.exchanges);
    }

    #[test]
    fn lines_of_later_versions_are_passed_over() {
        let line: Line = serde_json::from_str(r#"{"event":"weather","sky":"blue"}"#).expect("it is a line");
        assert!(matches!(line, Line::Other));
    }
}
