//! What may happen to an answer on its way.

use serde_json::{Map, Value};

use crate::wire::{HttpResponse, xml};

/// What happens to the answer of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Treatment {
    pub spoil: Spoil,
    /// The service carries out the call before its answer is lost.
    pub acts: bool,
}

/// How an answer is spoiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoil {
    /// The service answers as it does.
    Nothing,
    /// It answers a documented error instead.
    Refusal {
        status: u16,
        code: String,
        message: String,
        sort: Sort,
    },
    /// Something before the service answers, with a page or with nothing.
    Gateway {
        status: u16,
        page: bool,
    },
    /// The body ends after so many hundredths; its length is told truly.
    Broken {
        percent: u8,
    },
    /// There is no body.
    Empty,
    /// The connection ends after so many hundredths of the body.
    Truncated {
        percent: u8,
    },
    /// Another content type, or none; the body is what it was.
    ContentType(Option<String>),
    /// The same, said in XML.
    Xml {
        content_type: String,
    },
    /// Names of an error's members begin in lower case.
    LowerCase,
    /// An error does not say its code.
    Nameless,
    /// Numbers and booleans are spelled as texts.
    Respelled,
    Redirect {
        status: u16,
    },
    /// The connection is reset, or closed, instead of an answer.
    Reset,
    Closed,
    /// No answer, and the connection stays.
    Silence,
}

/// What a documented error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Ordinary,
    Throttling,
    /// Something is wrong inside the service.
    Internal,
    Unavailable,
}

/// What travels instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Answer {
        response: HttpResponse,
        /// So much of the body is sent, although its length is told.
        cut: Option<usize>,
    },
    Reset,
    Closed,
    Silence,
}

/// Whether the answer, as delivered, still says what the service said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It does.
    Kept,
    /// It is a failure, but a caller cannot know which.
    Blurred,
    /// No answer can be read from it.
    Lost,
}

impl Treatment {
    /// Whether the service has to answer for there to be something to spoil.
    pub fn needs_answer(&self) -> bool {
        use Spoil::*;
        matches!(
            self.spoil,
            Nothing | Broken { .. } | Truncated { .. } | ContentType(_) | Xml { .. } | LowerCase | Nameless | Respelled
        )
    }

    /// Nobody can tell from the answer whether the call was carried out.
    pub fn is_loss(&self) -> bool {
        use Spoil::*;
        let is_server_error = matches!(self.spoil, Gateway { status: 500, .. });
        is_server_error || matches!(self.spoil, Broken { .. } | Empty | Truncated { .. } | Reset | Closed | Silence)
    }
}

impl Spoil {
    /// Requirement that it puts to the test.
    pub fn requirement(&self) -> &'static str {
        match self {
            Self::Nothing => "answer/success",
            Self::Refusal { sort, .. } => match sort {
                Sort::Ordinary => "answer/error",
                Sort::Throttling => "trouble/throttling",
                Sort::Internal => "trouble/server-error",
                Sort::Unavailable => "trouble/unavailable",
            },
            Self::Gateway { status: 500, .. } => "trouble/server-error",
            Self::Gateway { .. } => "trouble/unavailable",
            Self::Broken { .. } => "trouble/broken",
            Self::Empty => "trouble/empty",
            Self::Truncated { .. } => "trouble/truncated",
            Self::ContentType(_) => "trouble/content-type",
            Self::Xml { .. } => "trouble/xml",
            Self::LowerCase | Self::Nameless => "trouble/unnamed-error",
            Self::Respelled => "trouble/respelled",
            Self::Redirect { .. } => "trouble/redirect",
            Self::Reset | Self::Closed => "trouble/reset",
            Self::Silence => "trouble/silence",
        }
    }

    /// In words.
    pub fn text(&self) -> String {
        match self {
            Self::Nothing => "the service's own answer".into(),
            Self::Refusal { code, message, .. } => format!("the error {code} with the message {message:?}"),
            Self::Gateway { status, page } => {
                format!("HTTP {status} with {}", if *page { "a page in HTML" } else { "no body" })
            }
            Self::Broken { percent } => format!("the answer, whose body breaks off after {percent} %"),
            Self::Empty => "the answer without its body".into(),
            Self::Truncated { percent } => format!("the answer, and the connection ends after {percent} % of its body"),
            Self::ContentType(Some(text)) => format!("the answer with `Content-Type: {text}`"),
            Self::ContentType(None) => "the answer without a content type".into(),
            Self::Xml { content_type } => format!("the answer in XML, with `Content-Type: {content_type}`"),
            Self::LowerCase => "the answer with `code` and `message` in lower case".into(),
            Self::Nameless => "the answer without its code".into(),
            Self::Respelled => "the answer with its numbers spelled as texts".into(),
            Self::Redirect { status } => format!("HTTP {status} to the same address"),
            Self::Reset => "a connection that is reset".into(),
            Self::Closed => "a connection that is closed".into(),
            Self::Silence => "no answer at all".into(),
        }
    }

    /// What is left of the answer's meaning.
    pub fn meaning(&self) -> Meaning {
        match self {
            Self::Nothing | Self::Refusal { .. } | Self::ContentType(_) | Self::Respelled => Meaning::Kept,
            Self::LowerCase | Self::Nameless => Meaning::Blurred,
            _ => Meaning::Lost,
        }
    }

    /// What travels. `answer` is the service's, or that of the documented error; `here` the address that was asked.
    pub fn apply(&self, answer: Option<HttpResponse>, here: &str) -> Delivery {
        let mut response = answer.unwrap_or(HttpResponse { status: 200, ..HttpResponse::default() });
        let mut cut = None;
        match self {
            Self::Nothing | Self::Refusal { .. } => {}
            Self::Gateway { status, page } => {
                let body = format!("<html><body><h1>{status}</h1></body></html>\n");
                response = HttpResponse {
                    status: *status,
                    headers: vec![("Content-Type".into(), "text/html".into())],
                    body: if *page { body.into_bytes() } else { Vec::new() },
                };
            }
            Self::Broken { percent } => response.body.truncate(share(response.body.len(), *percent)),
            Self::Empty => response.body.clear(),
            Self::Truncated { percent } => cut = Some(share(response.body.len(), *percent)),
            Self::ContentType(content_type) => set_content_type(&mut response, content_type.as_deref()),
            Self::Xml { content_type } => {
                response.body = in_xml(&response);
                set_content_type(&mut response, Some(content_type));
            }
            Self::LowerCase => change(&mut response, |body| lower_case(body, 0)),
            Self::Nameless => change(&mut response, without_code),
            Self::Respelled => change(&mut response, respell),
            Self::Redirect { status } => {
                let headers = vec![("Location".into(), format!("{here}/"))];
                response = HttpResponse { status: *status, headers, body: Vec::new() };
            }
            Self::Reset => return Delivery::Reset,
            Self::Closed => return Delivery::Closed,
            Self::Silence => return Delivery::Silence,
        }
        Delivery::Answer { response, cut }
    }
}

/// A part of a length that is neither nothing nor everything.
fn share(length: usize, percent: u8) -> usize {
    (length * usize::from(percent) / 100).clamp(1.min(length), length.saturating_sub(1))
}

fn set_content_type(response: &mut HttpResponse, content_type: Option<&str>) {
    response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    response.headers.extend(content_type.map(|text| ("Content-Type".to_owned(), text.to_owned())));
}

/// Rewrites a JSON body; another one stays.
fn change(response: &mut HttpResponse, change: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_slice(&response.body) {
        change(&mut body);
        response.body = body.to_string().into_bytes();
    }
}

/// Envelopes nest their members at most so deep.
const DEEPEST: usize = 2;

fn lower_case(value: &mut Value, depth: usize) {
    let Value::Object(members) = value else { return };
    for (name, mut member) in std::mem::take(members) {
        if depth < DEEPEST {
            lower_case(&mut member, depth + 1);
        }
        let lower: String =
            name.chars().enumerate().map(|(at, c)| if at == 0 { c.to_ascii_lowercase() } else { c }).collect();
        // The envelope itself stays, or there would be no error to name.
        let name = if depth < DEEPEST && member.is_object() { name } else { lower };
        members.insert(name, member);
    }
}

fn without_code(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|name, _| name != "Code");
        members.values_mut().for_each(without_code);
    }
}

fn respell(value: &mut Value) {
    match value {
        Value::Number(_) | Value::Bool(_) => *value = Value::String(value.to_string()),
        Value::Array(list) => list.iter_mut().for_each(respell),
        Value::Object(members) => members.values_mut().for_each(respell),
        _ => {}
    }
}

fn in_xml(response: &HttpResponse) -> Vec<u8> {
    let fields: Map<String, Value> = serde_json::from_slice(&response.body).unwrap_or_default();
    xml::write(if response.status < 300 { "Response" } else { "Error" }, &fields).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoiled(spoil: &Spoil, body: &str) -> String {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let answer = HttpResponse { status: 400, headers, body: body.as_bytes().to_vec() };
        match spoil.apply(Some(answer), "http://127.0.0.1:1") {
            Delivery::Answer { response, cut } => {
                let kind = response.header("content-type").unwrap_or("-").to_owned();
                let cut = cut.map(|cut| format!(" cut {cut}")).unwrap_or_default();
                format!("{} {kind} {}{cut}", response.status, String::from_utf8_lossy(&response.body))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn answers_are_spoiled() {
        let body = r#"{"Code":"A","N":1}"#;
        let nested = r#"{"Response":{"Error":{"Code":"A"},"RequestId":"1"}}"#;
        for (spoil, body, expected) in [
            (Spoil::Nothing, body, r#"400 application/json {"Code":"A","N":1}"#),
            (Spoil::Broken { percent: 50 }, body, r#"400 application/json {"Code":""#),
            (Spoil::Broken { percent: 100 }, body, r#"400 application/json {"Code":"A","N":1"#),
            (Spoil::Truncated { percent: 0 }, body, r#"400 application/json {"Code":"A","N":1} cut 1"#),
            (Spoil::Empty, body, "400 application/json "),
            (Spoil::ContentType(None), body, r#"400 - {"Code":"A","N":1}"#),
            (Spoil::LowerCase, body, r#"400 application/json {"code":"A","n":1}"#),
            (Spoil::LowerCase, nested, r#"400 application/json {"Response":{"Error":{"code":"A"},"requestId":"1"}}"#),
            (Spoil::Nameless, nested, r#"400 application/json {"Response":{"Error":{},"RequestId":"1"}}"#),
            (Spoil::Respelled, body, r#"400 application/json {"Code":"A","N":"1"}"#),
            (Spoil::Gateway { status: 502, page: false }, body, "502 text/html "),
            (Spoil::Redirect { status: 307 }, body, "307 - "),
            (Spoil::Reset, body, "Reset"),
        ] {
            assert_eq!(spoiled(&spoil, body), expected, "{spoil:?}");
        }
    }
}
