//! An adapter without an SDK: it signs and reads by the library itself. It can be told to be wrong in one way.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, BufRead, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aswritten::{
    endpoint::{
        self,
        translator::{Target, Translator},
    },
    history::Reply,
    model::Caller,
    sdk::protocol::{Ask, Call, PROTOCOL, Question},
    spec::{self, SpecSet, service::OpRef},
    wire::{Credential, Format, HttpRequest, HttpResponse, Stamp, signing},
};
use serde_json::{Value, json};
use url::Url;

/// Services that it calls.
const SERVICES: [&str; 2] = ["ecs", "cvm"];

/// Answers lines until its input ends.
pub fn run(manner: &str) {
    let set = Arc::new(spec::embedded().expect("the embedded specs are sound"));
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if manner == "chatty" {
            println!("DEBUG about to call");
        }
        let answer = match serde_json::from_str::<Ask>(&line) {
            Ok(ask) => answer(&set, manner, &ask),
            Err(_) if manner == "fragile" => return,
            Err(error) => json!({ "id": null, "outcome": "not-understood", "reason": error.to_string() }),
        };
        println!("{answer}");
        let _ = io::stdout().flush();
    }
    if manner == "immortal" {
        std::thread::sleep(Duration::from_secs(120));
    }
}

fn answer(set: &Arc<SpecSet>, manner: &str, ask: &Ask) -> Value {
    let id = if manner == "other-id" { ask.id + 1 } else { ask.id };
    let call = match &ask.question {
        Question::Hello { protocol } if *protocol == PROTOCOL => {
            let sdks = SERVICES
                .map(|service| json!({ "service": service, "sdk": format!("scripted-{service}"), "sdk_version": "1" }));
            return json!({ "id": id, "protocol": PROTOCOL, "adapter": "scripted", "runtime": "Rust", "sdks": sdks });
        }
        Question::Hello { .. } => return json!({ "id": id, "outcome": "not-understood", "reason": "another protocol" }),
        Question::Call(call) => call,
    };
    let at = set.operations().find(|(at, operation)| {
        let service = set.service(*at);
        service.name == call.service && operation.name == call.action && operation.edition.is_none()
    });
    let Some((at, _)) = at.filter(|_| SERVICES.contains(&&*call.service)) else {
        return json!({ "id": id, "outcome": "unsupported", "reason": "no such operation" });
    };
    let mut call = call.clone();
    match manner {
        "drops-an-argument" => drop(call.arguments.pop_last()),
        "wrong-region" => {
            call.region = "elsewhere".into();
            if let Some(region) = call.arguments.get_mut("RegionId") {
                *region = "elsewhere".into();
            }
        }
        _ => {}
    }
    let written = format!("{}({})", call.action, Value::Object(call.arguments.clone()));
    let mut reply = exchange(set, at, &call);
    if manner == "sends-twice" {
        reply = exchange(set, at, &call);
    }
    match reply {
        Ok(Reply::Success { fields, .. }) => {
            json!({ "id": id, "outcome": "success", "call": written, "fields": fields })
        }
        Ok(Reply::Refused { .. }) if manner == "swallows-an-error" => {
            json!({ "id": id, "outcome": "success", "call": written, "fields": {} })
        }
        Ok(Reply::Refused { status, code, message, request_id }) => {
            json!({ "id": id, "outcome": "error", "call": written,
            "error": { "class": ["Refused"], "code": code, "message": message, "status": status, "request_id": request_id } })
        }
        Ok(other) => {
            json!({ "id": id, "outcome": "error", "call": written, "error": { "class": ["Trouble"], "message": other.brief() } })
        }
        Err(error) => {
            json!({ "id": id, "outcome": "error", "call": written, "error": { "class": ["Trouble"], "message": error.to_string() } })
        }
    }
}

trait PopLast {
    fn pop_last(&mut self) -> Option<Value>;
}

impl PopLast for serde_json::Map<String, Value> {
    fn pop_last(&mut self) -> Option<Value> {
        let last = self.keys().next_back()?.clone();
        self.remove(&last)
    }
}

fn exchange(set: &Arc<SpecSet>, at: OpRef, call: &Call) -> Result<Reply, Box<dyn Error>> {
    let operation = set.operation(at);
    let scheme = signing::find(&call.options.signing).ok_or("no such scheme")?;
    let target = Target {
        url: Url::parse(&call.endpoint)?,
        credential: Credential::pair((&call.credentials.id, &call.credentials.secret)),
        restricted: None,
        scheme: call.options.signing.clone(),
        placement: scheme.preferred_placement(),
        format: Format::Json,
    };
    let region = Some(call.region.clone()).filter(|region| !region.is_empty());
    let arguments = operation.params.iter().map(|param| {
        if param.header { region.clone().map(Value::from) } else { call.arguments.get(&param.name).cloned() }
    });
    let asked = endpoint::Call {
        operation: at,
        arguments: arguments.collect(),
        region: region.as_deref().map(Arc::from),
        caller: Caller::Main,
    };
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().cast_signed();
    let stamp = Stamp { seconds, nonce: format!("{:032x}", rand::random::<u128>()) };
    let translator = Translator::new(set.clone(), BTreeMap::new());
    let request = translator.request(&target, &asked, &stamp)?;
    let response = carry(&call.endpoint, &request, Duration::from_millis(call.options.timeout_ms))?;
    Ok(translator.read(at, &response))
}

/// One request on a connection of its own; a response that is not whole is an error.
fn carry(endpoint: &str, request: &HttpRequest, timeout: Duration) -> Result<HttpResponse, Box<dyn Error>> {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://"))?;
    stream.set_read_timeout(Some(timeout))?;
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let mut text = format!("{} {}{query} HTTP/1.1\r\n", request.method, request.path);
    for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", request.body.len()));
    stream.write_all(text.as_bytes())?;
    stream.write_all(&request.body)?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw)?;
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no head")?;
    let head = String::from_utf8(raw[..end].to_vec())?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("no status")?.parse()?;
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let response = HttpResponse { status, headers: headers.collect(), body: raw[end + 4..].to_vec() };
    let length: usize = response.header("content-length").ok_or("no length")?.parse()?;
    if response.body.len() != length {
        return Err("the body is not whole".into());
    }
    Ok(response)
}
