//! How calls and answers are spelled, one file per protocol.
//!
//! A protocol knows envelopes, encodings and the places of common parameters. It does not know signatures, operations,
//! or what an answer ought to be.

pub mod alibaba_rpc;
pub mod tencent;

use serde_json::Value;

use super::{Answer, Call, Draft, Format, HttpRequest, HttpResponse, Refusal, Shape, Transport, Unreadable};

/// Every protocol that is spoken here.
pub static PROTOCOLS: &[&dyn Protocol] = &[&alibaba_rpc::AlibabaRpc, &tencent::Tencent];

/// The protocol of that name.
pub fn find(name: &str) -> Option<&'static dyn Protocol> {
    PROTOCOLS.iter().copied().find(|protocol| protocol.name() == name)
}

/// One way to spell calls and answers.
pub trait Protocol: Sync {
    /// Name that specs use.
    fn name(&self) -> &'static str;

    /// Whether a request looks as only requests of this protocol do, whatever else is wrong with it.
    fn recognises(&self, request: &HttpRequest) -> bool;

    /// Spells a call, by the shapes of its parameters; a scheme of [`super::signing`] then makes a request of it.
    fn draft(&self, call: &Call, shape: &dyn Fn(&str) -> Option<Shape>, transport: Transport) -> Draft;

    /// Reads a call from a request, by the shapes of its parameters (asked for by action, version and parameter).
    ///
    /// Common parameters do not count as arguments. A parameter of unknown shape is kept as text.
    /// The refusal is the one that the vendor documents for the first part that is missing or wrong.
    fn decode_call(
        &self,
        request: &HttpRequest,
        shape: &dyn Fn(&str, &str, &str) -> Option<Shape>,
    ) -> Result<Call, Refusal>;

    /// Refuses a request that can be read for how it is put: its method, or the format that it asks for.
    fn check_manner(&self, request: &HttpRequest) -> Result<(), Refusal>;

    /// Reads a call from a request that is put as it may be.
    fn accept_call(
        &self,
        request: &HttpRequest,
        shape: &dyn Fn(&str, &str, &str) -> Option<Shape>,
    ) -> Result<Call, Refusal> {
        let call = self.decode_call(request, shape)?;
        self.check_manner(request)?;
        Ok(call)
    }

    /// The refusal of a call that no service answers: of its action, or of a version that no service has.
    fn refuse_unknown(&self, is_version_known: bool) -> Refusal;

    /// Format in which the caller wants its answer.
    fn format_of(&self, request: &HttpRequest) -> Format;

    /// Writes an answer as clients of the vendor need it. `Content-Length` is left to whoever sends it.
    fn encode_answer(&self, answer: &Answer, reply: &Reply<'_>) -> HttpResponse;

    /// Reads an answer. The shape of the whole answer gives types to formats that have none.
    fn decode_answer(&self, response: &HttpResponse, shape: Option<&Shape>) -> Result<Answer, Unreadable>;

    /// Writes a refusal of this layer, with its own status.
    fn encode_refusal(&self, refusal: &Refusal, reply: &Reply<'_>) -> HttpResponse {
        let answer = Answer::Failure {
            code: refusal.code.clone(),
            message: refusal.message.clone(),
            request_id: None,
            body: Value::Null,
        };
        let reply = Reply { status: refusal.status, ..*reply };
        self.encode_answer(&answer, &reply)
    }
}

/// What an answer is sent with, besides its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    pub action: &'a str,
    /// HTTP status; ignored by protocols that have only one.
    pub status: u16,
    pub request_id: &'a str,
    /// Host that was asked.
    pub host: &'a str,
    /// Product name as error texts spell it (`Ecs`).
    pub product: &'a str,
    pub format: Format,
}
