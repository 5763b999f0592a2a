//! What was sent and seen: plain data, in the order in which it happened.
//!
//! Clocks are too coarse to say which of two calls was over before the other began. So each exchange also carries two
//! *stamps* of one counter, taken right before it was sent and right after it was answered: calls overlap unless the
//! stamps say otherwise.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::value::Key;

/// Everything that one execution of a script did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    pub exchanges: Vec<Exchange>,
    /// What places were filled with: handles, givens, tokens.
    pub filled: BTreeMap<Key, String>,
    /// How long a repeated read waited at most, in milliseconds.
    pub patience_ms: u64,
    /// How long it was watched whether something happens that need not.
    pub linger_ms: u64,
    /// How far reads may lag behind what is true, in milliseconds.
    pub lag_ms: u64,
}

/// One request with what came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Index of the command.
    pub command: usize,
    /// Arguments as sent.
    pub arguments: Map<String, Value>,
    /// Milliseconds since the execution began.
    pub started_ms: u64,
    pub ended_ms: u64,
    pub stamps: Stamps,
    pub reply: Reply,
}

/// Places of a call in the order of everything that was sent and answered; equal where nobody has noted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamps {
    /// When it was sent.
    pub start: u64,
    /// When its answer was there, or given up.
    pub end: u64,
}

impl Stamps {
    /// It was over before the other began.
    pub fn precedes(&self, other: &Self) -> bool {
        self.end < other.start
    }

    /// Neither was over before the other began.
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.precedes(other) && !other.precedes(self)
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The operation succeeded; its fields.
    Success { status: u16, fields: Map<String, Value> },
    /// The operation was refused.
    Refused { status: u16, code: String, message: String, request_id: Option<String> },
    /// No answer that could be read.
    Trouble(Trouble),
    /// The command was not sent, because it names something that was never made.
    NotSent { reason: String },
}

/// Why there is no answer. None of it is taken for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub kind: TroubleKind,
    /// What happened, in words.
    pub text: String,
    /// False only when it is certain that the request was never received.
    pub may_have_happened: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// No connection.
    Unreachable,
    /// A connection that broke.
    Broken,
    /// No answer in time.
    Timeout,
    /// An answer that is none of the protocol's.
    Unreadable,
}

impl TroubleKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Broken => "connection broken",
            Self::Timeout => "timeout",
            Self::Unreadable => "unreadable answer",
        }
    }
}

impl Reply {
    /// In few words: `success`, `403 ImageUseShared`, `timeout`.
    pub fn brief(&self) -> String {
        match self {
            Self::Success { .. } => "success".into(),
            Self::Refused { status, code, .. } => format!("{status} {code}"),
            Self::Trouble(trouble) => trouble.kind.name().into(),
            Self::NotSent { reason } => format!("not sent: {reason}"),
        }
    }

    /// As data, for reports.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Success { status, fields } => serde_json::json!({ "status": status, "fields": fields }),
            Self::Refused { status, code, message, request_id } => serde_json::json!({
                "status": status, "code": code, "message": message, "request_id": request_id,
            }),
            Self::Trouble(trouble) => serde_json::json!({ "trouble": trouble.kind.name(), "text": trouble.text }),
            Self::NotSent { reason } => serde_json::json!({ "not_sent": reason }),
        }
    }
}

impl History {
    /// Id that a handle was filled with; one that never was stands for itself.
    pub fn id_of<'k>(&'k self, key: &'k Key) -> &'k str {
        self.filled.get(key).map_or(key, |id| id.as_str())
    }

    /// Handle or other place that was filled with this id.
    pub fn place_of(&self, id: &str) -> Option<&Key> {
        self.filled.iter().find(|(_, filled)| *filled == id).map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Reply, Trouble, TroubleKind};

    #[test]
    fn replies_are_told_in_few_words_and_as_data() {
        let check = |reply: Reply, brief: &str, data: Value| {
            assert_eq!((reply.brief().as_str(), reply.to_json()), (brief, data));
        };
        let fields: Map<String, Value> = [("Id".to_owned(), json!("a"))].into_iter().collect();
        check(Reply::Success { status: 200, fields }, "success", json!({ "status": 200, "fields": { "Id": "a" } }));
        check(
            Reply::Refused { status: 403, code: "Used".into(), message: "No.".into(), request_id: None },
            "403 Used",
            json!({ "status": 403, "code": "Used", "message": "No.", "request_id": null }),
        );
        let trouble = Trouble { kind: TroubleKind::Broken, text: "reset".into(), may_have_happened: true };
        check(Reply::Trouble(trouble), "connection broken", json!({ "trouble": "connection broken", "text": "reset" }));
        check(Reply::NotSent { reason: "no id".into() }, "not sent: no id", json!({ "not_sent": "no id" }));
    }
}
