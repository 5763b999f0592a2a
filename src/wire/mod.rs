//! Bytes on the wire: how calls are spelled, signed, verified and answered.
//!
//! A [`protocol`] turns a [`Call`] into a [`Draft`] and back, and an [`Answer`] into an [`HttpResponse`] and back.
//! A [`signing`] scheme places the common parameters of a draft, signs it, and verifies what others signed.
//! Everything here is pure: time and nonce are arguments, keys are looked up through [`KeyRing`], nothing is sent.
//! This layer knows no operation, no model and no expectation.

pub mod described;
pub mod flatten;
pub mod form;
pub mod protocol;
pub mod shape;
pub mod signing;
pub mod target;
pub mod xml;

use std::fmt;

use secrecy::SecretString;
use serde_json::{Map, Value};

pub use shape::Shape;

/// A request as it travels, whatever carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// Upper case: `GET`, `POST`, …
    pub method: String,
    /// Path, without the query; may be absolute-form (`http://host/`) when a proxy is used.
    pub path: String,
    /// What follows `?`, exactly as sent; empty when there is none.
    pub query: String,
    /// In order, names as sent. Always holds a `Host`.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A response as it travels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One call of an operation, before encoding or after decoding.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    pub action: String,
    pub version: String,
    /// Region that travels beside the parameters (a header or a common parameter), where the protocol has one.
    pub region: Option<String>,
    /// Arguments by parameter name; absent is not null.
    pub arguments: Map<String, Value>,
}

/// How a call shall travel, besides what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transport {
    /// `Host` header: name and, when not the default, port.
    pub host: String,
    /// Product name as the signing scope spells it (`cvm`).
    pub product: String,
    pub placement: Placement,
    pub format: Format,
}

/// Where a call's parameters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// GET, all in the query.
    Get,
    /// POST, all in the query, empty body.
    PostQuery,
    /// POST, parameters in a form body.
    PostForm,
    /// POST, a JSON object as body.
    PostJson,
}

/// Format asked of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Json,
    Xml,
}

/// A call spelled as parameters, not yet signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub action: String,
    pub version: String,
    pub region: Option<String>,
    pub transport: Transport,
    /// The operation's own parameters, flattened in order; empty for [`Placement::PostJson`].
    pub parameters: Vec<(String, String)>,
    /// The body of [`Placement::PostJson`].
    pub json: Option<Vec<u8>>,
}

/// What an endpoint said, decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The operation succeeded; the fields of its answer.
    Success(Map<String, Value>),
    /// The operation was refused.
    Failure {
        code: String,
        message: String,
        request_id: Option<String>,
        /// Whole error object as received, for the record.
        body: Value,
    },
}

/// Why a body could not be read as an answer of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unreadable {
    pub reason: String,
}

/// A refusal that the wire layer itself answers: bad signature, stale time, missing part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    pub code: String,
    /// HTTP status that goes with the code.
    pub status: u16,
    pub message: String,
}

/// A key pair, with a session token when it is temporary. It shows nothing of itself.
#[derive(Clone)]
pub struct Credential {
    pub id: String,
    pub secret: SecretString,
    pub token: Option<SecretString>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Credential(***)")
    }
}

impl Credential {
    /// A lasting pair of key id and secret.
    pub fn pair((id, secret): (&str, &str)) -> Self {
        Self { id: id.into(), secret: secret.to_owned().into(), token: None }
    }
}

/// Where a verifier finds keys.
pub trait KeyRing {
    fn find(&self, id: &str) -> Option<Credential>;
    /// Remembers a nonce; false when it was used before.
    fn remember(&self, id: &str, nonce: &str) -> bool;
}

/// Time and randomness of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Fresh per request.
    pub nonce: String,
}

impl HttpRequest {
    /// First header of that name, compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl HttpResponse {
    /// First header of that name, compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
