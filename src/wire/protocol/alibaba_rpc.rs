//! RPC style of Alibaba Cloud: one path, an action name, flat parameters, answers in JSON or XML.
//!
//! Sources: "Request syntax and signature method V2 for RPC APIs" (parameters), "Request syntax and signature method
//! V3" (headers), and what the vendor's SDKs were seen to send and to accept.

pub mod refusals;

use serde_json::{Map, Value};

use super::{Protocol, Reply};
use crate::wire::{
    Answer, Call, Draft, Format, HttpRequest, HttpResponse, Refusal, Shape, Transport, Unreadable, flatten, form,
    target, xml,
};

/// The protocol `alibaba-rpc`.
pub struct AlibabaRpc;

/// Lists are counted from one.
const FIRST_INDEX: u64 = 1;

/// Parameters of the parameter scheme that are not the operation's own.
const COMMON: &[&str] = &[
    "Action",
    "Version",
    "Format",
    "AccessKeyId",
    "SecurityToken",
    "BearerToken",
    "SignatureMethod",
    "SignatureVersion",
    "SignatureType",
    "SignatureNonce",
    "Timestamp",
    "Signature",
];

/// What SDKs add to the query although all else travels in headers (anonymous and bearer calls).
const COMMON_BESIDE_HEADERS: &[&str] = &["Format", "SignatureType"];

/// Headers that only the header scheme sends; `x-acs-action` and `x-acs-version` come with both.
const HEADER_SCHEME_ONLY: &[&str] =
    &["x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256", "x-acs-bearer-token"];

/// Whether action, version, time and nonce of a request travel in headers (V3) rather than as parameters.
pub fn travels_in_headers(request: &HttpRequest) -> bool {
    request.header("authorization").is_some_and(|value| value.trim_start().starts_with("ACS3-"))
        || HEADER_SCHEME_ONLY.iter().any(|name| request.header(name).is_some())
}

impl Protocol for AlibabaRpc {
    fn name(&self) -> &'static str {
        "alibaba-rpc"
    }

    fn recognises(&self, request: &HttpRequest) -> bool {
        travels_in_headers(request)
    }

    fn draft(&self, call: &Call, shape: &dyn Fn(&str) -> Option<Shape>, transport: Transport) -> Draft {
        flatten::draft(call, shape, transport, FIRST_INDEX)
    }

    fn decode_call(
        &self,
        request: &HttpRequest,
        shape: &dyn Fn(&str, &str, &str) -> Option<Shape>,
    ) -> Result<Call, Refusal> {
        if target::path(&request.path) != "/" {
            return Err(refusals::unknown_api());
        }
        let in_headers = travels_in_headers(request);
        let parameters = form::merged(request);
        let common = |header: &str, parameter: &str| -> Result<String, Refusal> {
            let value = if in_headers { request.header(header) } else { parameters.get(parameter).map(String::as_str) };
            match value {
                Some(value) if !value.is_empty() => Ok(value.to_owned()),
                _ => Err(refusals::missing(parameter)),
            }
        };
        let action = common("x-acs-action", "Action")?;
        let version = common("x-acs-version", "Version")?;
        let removed = if in_headers { COMMON_BESIDE_HEADERS } else { COMMON };
        let own = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !removed.contains(name));
        let arguments = flatten::read(own, &|name| shape(&action, &version, name), FIRST_INDEX);
        Ok(Call { action, version, region: None, arguments })
    }

    fn check_manner(&self, request: &HttpRequest) -> Result<(), Refusal> {
        if !matches!(request.method.as_str(), "GET" | "POST") {
            return Err(refusals::unsupported_method());
        }
        let is_known = travels_in_headers(request)
            || form::merged(request).get("Format").is_none_or(|format| read_format(format).is_some());
        if is_known { Ok(()) } else { Err(refusals::invalid_format()) }
    }

    fn refuse_unknown(&self, is_version_known: bool) -> Refusal {
        if is_version_known { refusals::unknown_api() } else { refusals::invalid("Version") }
    }

    /// JSON with headers; as parameters say otherwise, XML when they say nothing (the documented default).
    fn format_of(&self, request: &HttpRequest) -> Format {
        if travels_in_headers(request) {
            return Format::Json;
        }
        form::merged(request).get("Format").and_then(|format| read_format(format)).unwrap_or(Format::Xml)
    }

    fn encode_answer(&self, answer: &Answer, reply: &Reply<'_>) -> HttpResponse {
        let fields = match answer {
            Answer::Success(fields) => success_fields(fields, reply),
            Answer::Failure { code, message, body, .. } => failure_fields(code, message, body, reply),
        };
        let request_id = match fields.get("RequestId") {
            Some(Value::String(id)) => id.clone(),
            _ => reply.request_id.to_owned(),
        };
        let (content_type, body) = match (reply.format, answer) {
            (Format::Json, _) => ("application/json;charset=utf-8", Value::Object(fields).to_string()),
            // Without a space: SDKs compare the whole header before they parse an XML error.
            (Format::Xml, Answer::Success(_)) => {
                ("text/xml;charset=utf-8", xml::write(&format!("{}Response", reply.action), &fields))
            }
            (Format::Xml, Answer::Failure { .. }) => ("text/xml;charset=utf-8", xml::write("Error", &fields)),
        };
        HttpResponse {
            status: reply.status,
            headers: vec![
                ("Content-Type".to_owned(), content_type.to_owned()),
                ("x-acs-request-id".to_owned(), request_id),
            ],
            body: body.into_bytes(),
        }
    }

    fn decode_answer(&self, response: &HttpResponse, shape: Option<&Shape>) -> Result<Answer, Unreadable> {
        let (fields, is_error) = read_body(response, shape)?;
        let is_error = is_error || !(200..300).contains(&response.status);
        // A success may carry an integer `Code` (0), which is a field like any other.
        let both_texts =
            fields.get("Code").is_some_and(Value::is_string) && fields.get("Message").is_some_and(Value::is_string);
        if !is_error && !both_texts {
            return Ok(Answer::Success(fields));
        }
        let code = match fields.get("Code") {
            Some(Value::String(code)) if !code.is_empty() => code.clone(),
            Some(Value::Number(code)) => code.to_string(),
            _ => {
                return Err(Unreadable { reason: format!("status {} without a `Code` in the body", response.status) });
            }
        };
        Ok(Answer::Failure {
            code,
            message: text_field(&fields, "Message").unwrap_or_default(),
            request_id: text_field(&fields, "RequestId"),
            body: Value::Object(fields),
        })
    }
}

fn read_format(text: &str) -> Option<Format> {
    if text.is_empty() || text.eq_ignore_ascii_case("xml") {
        Some(Format::Xml)
    } else if text.eq_ignore_ascii_case("json") {
        Some(Format::Json)
    } else {
        None
    }
}

fn text_field(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name)?.as_str().map(str::to_owned)
}

fn success_fields(fields: &Map<String, Value>, reply: &Reply<'_>) -> Map<String, Value> {
    let mut fields = fields.clone();
    fields.entry("RequestId").or_insert_with(|| reply.request_id.into());
    fields
}

/// Members in the order of published samples; what else the error object had (`AccessDeniedDetail`) follows.
fn failure_fields(code: &str, message: &str, body: &Value, reply: &Reply<'_>) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("RequestId".to_owned(), reply.request_id.into());
    fields.insert("HostId".to_owned(), reply.host.into());
    fields.insert("Code".to_owned(), code.into());
    fields.insert("Message".to_owned(), message.into());
    if reply.format == Format::Json {
        let link = format!(
            "https://api.aliyun.com/troubleshoot?q={}&product={}&requestId={}",
            form::encode(code),
            form::encode(reply.product),
            form::encode(reply.request_id),
        );
        fields.insert("Recommend".to_owned(), link.into());
    }
    if let Value::Object(others) = body {
        for (name, value) in others {
            if !fields.contains_key(name) {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    fields
}

/// Fields of a body, and whether its root alone says that it is an error. Content decides, not the content type.
fn read_body(response: &HttpResponse, shape: Option<&Shape>) -> Result<(Map<String, Value>, bool), Unreadable> {
    let unreadable = |what: String| Unreadable { reason: format!("status {} with {what}", response.status) };
    let body = response.body.trim_ascii();
    if body.is_empty() {
        return Err(unreadable("an empty body".to_owned()));
    }
    if !body.starts_with(b"<") {
        return match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok((fields, false)),
            Ok(_) => Err(unreadable("JSON that is not an object".to_owned())),
            Err(error) => Err(unreadable(format!("broken JSON: {error}"))),
        };
    }
    let (root, value) = xml::read(body).map_err(|error| unreadable(error.reason))?;
    let is_error = root == "Error";
    if !is_error && !root.ends_with("Response") {
        return Err(unreadable(format!("the unexpected root element <{root}>")));
    }
    let value = match shape {
        Some(shape) if !is_error => xml::coerce(value, shape),
        _ => value,
    };
    match value {
        Value::Object(fields) => Ok((fields, is_error)),
        Value::String(text) if text.trim().is_empty() => Ok((Map::new(), is_error)),
        _ => Err(unreadable(format!("a root element <{root}> without elements"))),
    }
}
