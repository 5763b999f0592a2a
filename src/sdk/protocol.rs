//! What an adapter speaks: one JSON object per line each way, over its standard input and output.
//!
//! The suite starts the adapter, asks, and waits for the answer with the same `id`; there is one question at a time. The
//! adapter ends when its standard input ends. What it writes to standard error is shown when something goes wrong.
//!
//! # `hello`
//!
//! The first question, which settles the version of the protocol. An adapter that does not speak it says so.
//!
//! ```json
//! {"id":1,"ask":"hello","protocol":1}
//! {"id":1,"protocol":1,"adapter":"acme-python","runtime":"Python 3.11.7","sdks":[{"service":"images","sdk":"acme-images","sdk_version":"4.0.2"}]}
//! {"id":1,"outcome":"not-understood","reason":"only protocol 2 is spoken here"}
//! ```
//!
//! `sdks` has one entry for each service (by its name in the specs) that the adapter can call.
//!
//! # `call`
//!
//! One call, made as a user of the SDK would make it: through its public interface, with the endpoint set as its
//! documentation says, and with its defaults wherever `options` says nothing else.
//!
//! ```json
//! {"id":2,"ask":"call","service":"images","version":"2020-01-01","action":"DeleteImage",
//!  "arguments":{"ImageId":"i-1","Force":true},"region":"north-1","endpoint":"http://127.0.0.1:4711",
//!  "credentials":{"id":"key","secret":"secret"},
//!  "options":{"timeout_ms":5000,"retries":0,"retry_codes":["Throttling"],"signing":"hmac-sha256"}}
//! ```
//!
//! - `arguments` have the names and the types of the API's document; what is absent is not to be given.
//! - `timeout_ms` is how long one attempt may take.
//! - `retries` above 0 asks for as many retries, by whatever option the SDK documents for that; `retry_codes` are the codes of
//!   throttling, for SDKs that want to be told. At 0 the SDK is used as it comes.
//! - `signing` is a name of the specs; an adapter that has only one way to sign may ignore it.
//!
//! The answer is one of these:
//!
//! ```json
//! {"id":2,"outcome":"success","call":"client.delete_image(DeleteImageRequest(image_id='i-1', force=True))","fields":{"RequestId":"A1"}}
//! {"id":2,"outcome":"success","call":"…","text":"what the caller got, where it is no object"}
//! {"id":2,"outcome":"error","call":"…","error":{"class":["acme.ServerError","acme.Error"],"code":"ImageInUse","message":"…","status":403,"request_id":"A1"}}
//! {"id":2,"outcome":"unsupported","reason":"DeleteImageRequest has no Force"}
//! ```
//!
//! - `call` is the call as one would write it in the SDK's language.
//! - `fields` are what the caller can read of the answer, by the names of the API's document.
//! - `error` is what the caller can see without parsing texts; what the SDK does not show is absent or null. `class` names
//!   the error's class and those that it inherits from, the most special first.
//! - `unsupported` means that the SDK has no way to make this call; it counts for nothing.
//!
//! A line that the adapter cannot make sense of is answered too, with `"outcome":"not-understood"`, a reason, and the `id` if
//! there was one. No fault of the SDK or of the endpoint may end the adapter.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Version of the protocol.
pub const PROTOCOL: u64 = 1;

/// A line to an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub id: u64,
    #[serde(flatten)]
    pub question: Question,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Question {
    Hello { protocol: u64 },
    Call(Box<Call>),
}

/// One call of an SDK.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    pub service: String,
    pub version: String,
    pub action: String,
    pub arguments: Map<String, Value>,
    pub region: String,
    /// `http://HOST:PORT`.
    pub endpoint: String,
    pub credentials: Keys,
    pub options: CallOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Keys {
    pub id: String,
    pub secret: String,
}

/// How the SDK is set up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallOptions {
    /// How long one attempt may take.
    pub timeout_ms: u64,
    /// Retries asked for; 0 leaves the SDK as it comes.
    pub retries: u32,
    pub retry_codes: Vec<String>,
    /// Name of a signing scheme.
    pub signing: String,
}

/// What an adapter says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    pub id: u64,
    pub protocol: u64,
    pub adapter: String,
    #[serde(default)]
    pub runtime: String,
    pub sdks: Vec<Known>,
}

/// An SDK that an adapter calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub service: String,
    pub sdk: String,
    pub sdk_version: String,
}

/// A line from an adapter, other than [`Hello`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub id: Option<u64>,
    /// The call as one would write it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    Success {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<Map<String, Value>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    Error {
        error: Shown,
    },
    Unsupported {
        reason: String,
    },
    NotUnderstood {
        reason: String,
    },
}

/// What a caller can see of an error.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Shown {
    #[serde(default)]
    pub class: Vec<String>,
    #[serde(default, deserialize_with = "scalar")]
    pub code: Option<String>,
    #[serde(default, deserialize_with = "scalar")]
    pub message: Option<String>,
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default, deserialize_with = "scalar")]
    pub request_id: Option<String>,
}

/// A text, or whatever else an SDK keeps there, as a text.
fn scalar<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Null => None,
        value => Some(crate::value::plain(&value)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check<T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug>(line: Value) {
        let read: T = serde_json::from_value(line.clone()).expect("a line of the protocol");
        assert_eq!(serde_json::from_value::<T>(serde_json::to_value(&read).expect("JSON")).expect("the same"), read);
    }

    #[test]
    fn lines_are_read_and_written() {
        check::<Ask>(json!({ "id": 1, "ask": "hello", "protocol": 1 }));
        check::<Ask>(json!({ "id": 2, "ask": "call", "service": "images", "version": "1", "action": "Delete",
            "arguments": { "Force": true }, "region": "r", "endpoint": "http://127.0.0.1:1",
            "credentials": { "id": "a", "secret": "b" },
            "options": { "timeout_ms": 1, "retries": 0, "retry_codes": [], "signing": "s" } }));
        check::<Told>(json!({ "id": 2, "outcome": "success", "call": "c", "fields": { "RequestId": "1" } }));
        check::<Told>(json!({ "id": 2, "outcome": "error", "call": "c", "error": { "class": ["E"], "code": 7 } }));
        check::<Told>(json!({ "id": null, "outcome": "not-understood", "reason": "?" }));
        check::<Told>(json!({ "id": 2, "outcome": "unsupported", "reason": "no such field" }));
    }
}
