//! Tencent Cloud API 3.0: an action name, a JSON object or flat parameters, answers in one JSON envelope.
//!
//! Sources: the pages "Request Structure", "Common Params", "Responses" and "Error Codes" that all products share, and
//! what the vendor's SDKs were seen to send and to accept.

pub mod refusals;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{Protocol, Reply};
use crate::wire::{
    Answer, Call, Draft, Format, HttpRequest, HttpResponse, Refusal, Shape, Transport, Unreadable, flatten, form,
};

/// The protocol `tencent-api3`.
pub struct Tencent;

/// Lists are counted from zero.
const FIRST_INDEX: u64 = 0;

/// Parameters that are not the operation's own, when they travel as parameters.
const COMMON: &[&str] = &[
    "Action",
    "Version",
    "Timestamp",
    "Nonce",
    "SecretId",
    "Token",
    "Signature",
    "SignatureMethod",
    "Region",
    "Language",
    "RequestClient",
];

/// Beginning of the names of the protocol's own headers, in lower case.
const HEADERS: &str = "x-tc-";

/// Headers that only requests with common parameters in headers have; `X-TC-TraceId` comes with both.
const HEADER_SCHEME_ONLY: &[&str] = &["authorization", "x-tc-action", "x-tc-version", "x-tc-timestamp"];

/// Whether the common parameters of a request travel in headers (TC3) rather than as parameters.
pub fn travels_in_headers(request: &HttpRequest) -> bool {
    HEADER_SCHEME_ONLY.iter().any(|name| request.header(name).is_some())
}

impl Protocol for Tencent {
    fn name(&self) -> &'static str {
        "tencent-api3"
    }

    fn recognises(&self, request: &HttpRequest) -> bool {
        request.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with(HEADERS))
            || form::merged(request).contains_key("SecretId")
    }

    fn draft(&self, call: &Call, shape: &dyn Fn(&str) -> Option<Shape>, transport: Transport) -> Draft {
        flatten::draft(call, shape, transport, FIRST_INDEX)
    }

    fn decode_call(
        &self,
        request: &HttpRequest,
        shape: &dyn Fn(&str, &str, &str) -> Option<Shape>,
    ) -> Result<Call, Refusal> {
        let in_headers = travels_in_headers(request);
        let parameters = if in_headers { own_parameters(request) } else { form::merged(request) };
        let common = |header: &str, parameter: &str| -> Option<String> {
            let value = if in_headers { request.header(header) } else { parameters.get(parameter).map(String::as_str) };
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let required = |header: &str, parameter: &str| {
            common(header, parameter).ok_or_else(|| refusals::missing_parameter(parameter))
        };
        // A bare request is answered with a missing `Timestamp`, before anything about keys is looked at.
        required("x-tc-timestamp", "Timestamp")?;
        let version = required("x-tc-version", "Version")?;
        let action = required("x-tc-action", "Action")?;
        let arguments = if in_headers && has_json_body(request) {
            read_json(&request.body)?
        } else {
            let own = parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .filter(|(name, _)| in_headers || !COMMON.contains(name));
            flatten::read(own, &|name| shape(&action, &version, name), FIRST_INDEX)
        };
        Ok(Call { region: common("x-tc-region", "Region"), action, version, arguments })
    }

    fn check_manner(&self, request: &HttpRequest) -> Result<(), Refusal> {
        match request.method.as_str() {
            "GET" | "POST" => Ok(()),
            _ => Err(refusals::unsupported_method()),
        }
    }

    fn refuse_unknown(&self, is_version_known: bool) -> Refusal {
        if is_version_known { refusals::unknown_action() } else { refusals::unknown_version() }
    }

    fn format_of(&self, _request: &HttpRequest) -> Format {
        Format::Json
    }

    /// Always status 200 and exactly `application/json`: with a charset behind it, some SDKs take every failure for a
    /// success, and with another status all of them lose the code.
    fn encode_answer(&self, answer: &Answer, reply: &Reply<'_>) -> HttpResponse {
        let mut fields = match answer {
            Answer::Success(fields) => fields.clone(),
            Answer::Failure { code, message, .. } => {
                let error = json!({ "Code": code, "Message": message });
                Map::from_iter([("Error".to_owned(), error)])
            }
        };
        fields.entry("RequestId").or_insert_with(|| reply.request_id.into());
        HttpResponse {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: json!({ "Response": fields }).to_string().into_bytes(),
        }
    }

    fn decode_answer(&self, response: &HttpResponse, _shape: Option<&Shape>) -> Result<Answer, Unreadable> {
        let unreadable = |what: String| Unreadable { reason: format!("status {} with {what}", response.status) };
        if response.body.trim_ascii().is_empty() {
            return Err(unreadable("an empty body".to_owned()));
        }
        let body: Value =
            serde_json::from_slice(&response.body).map_err(|error| unreadable(format!("broken JSON: {error}")))?;
        let Value::Object(mut envelope) = body else {
            return Err(unreadable("JSON that is not an object".to_owned()));
        };
        let Some(Value::Object(fields)) = envelope.remove("Response") else {
            return Err(unreadable("no `Response` object in the body".to_owned()));
        };
        if response.status != 200 {
            return Err(unreadable("a `Response`, which is documented to come with 200 only".to_owned()));
        }
        let Some(error) = fields.get("Error") else {
            return Ok(Answer::Success(fields));
        };
        let Some(code) = text(error.get("Code")).filter(|code| !code.is_empty()) else {
            return Err(unreadable("an `Error` without a `Code`".to_owned()));
        };
        Ok(Answer::Failure {
            code,
            message: text(error.get("Message")).unwrap_or_default(),
            request_id: text(fields.get("RequestId")),
            body: Value::Object(fields),
        })
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::to_owned)
}

fn has_json_body(request: &HttpRequest) -> bool {
    request.method == "POST" && !form::is_form(request)
}

/// Flat parameters of a request whose common parameters travel in headers. The signature covers the query of a GET
/// only and the body of a POST only, so nothing else is read.
fn own_parameters(request: &HttpRequest) -> IndexMap<String, String> {
    let pairs = match request.method.as_str() {
        "GET" => form::read(request.query.as_bytes()),
        _ if form::is_form(request) => form::read(&request.body),
        _ => Vec::new(),
    };
    pairs.into_iter().collect()
}

/// Arguments of a JSON body, values as they are; no body at all means no arguments.
fn read_json(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        _ => Err(refusals::broken_body()),
    }
}
