//! Every way in which a request can be wrong earns the documented code, status and message.

mod alibaba;
mod tencent;

use aswritten::wire::signing;
use aswritten::wire::{Call, Credential, Format, HttpRequest, Placement, Refusal, Stamp, Transport, form, protocol};
use serde_json::{Map, Value};

use crate::support::{Ring, credential, shape};

/// 2026-01-02T03:04:05Z.
const NOW: i64 = 1_767_323_045;

const LONG_TERM: &str = "key-long-term";
const TEMPORARY: &str = "STS.key-temporary";

fn ring() -> Ring {
    Ring::of([long_term(), temporary()])
}

fn long_term() -> Credential {
    credential(LONG_TERM, "secret-1", None)
}

fn temporary() -> Credential {
    credential(TEMPORARY, "secret-2", Some("token+/="))
}

/// What a refusal has to say.
struct Expected {
    code: String,
    status: u16,
    /// Beginning of the message.
    message: String,
}

fn expected(code: &str, status: u16, message: &str) -> Expected {
    Expected { code: code.to_owned(), status, message: message.to_owned() }
}

impl Expected {
    #[track_caller]
    fn compare(&self, refusal: &Refusal, what: &str) {
        assert_eq!((&refusal.code, refusal.status), (&self.code, self.status), "{what}: {refusal}");
        assert!(refusal.message.starts_with(&self.message), "{what}: {refusal}");
    }
}

/// A signed request on its way, and the clock of the one who receives it.
struct Sent {
    request: HttpRequest,
    now: i64,
}

fn send(scheme: &str, placement: Placement, credential: &Credential) -> Sent {
    let scheme = signing::find(scheme).unwrap();
    let protocol = protocol::find(scheme.protocol()).unwrap();
    let call = Call {
        action: "DeleteImage".to_owned(),
        version: "2014-05-26".to_owned(),
        region: None,
        arguments: Map::from_iter([
            ("ImageId".to_owned(), Value::from("m-测试 a+b")),
            ("DryRun".to_owned(), Value::from(true)),
        ]),
    };
    let transport = Transport {
        host: "cvm.tencentcloudapi.com".to_owned(),
        product: "cvm".to_owned(),
        placement,
        format: Format::Json,
    };
    let lookup = |name: &str| shape(&call.action, &call.version, name);
    let draft = protocol.draft(&call, &lookup, transport);
    let stamp = Stamp { seconds: NOW, nonce: "7".to_owned() };
    Sent { request: scheme.sign(draft, credential, &stamp), now: NOW }
}

/// What a server does: read the call, then verify it.
fn judge(protocol: &str, sent: &Sent, ring: &Ring) -> Result<String, Refusal> {
    let speaker = protocol::find(protocol).unwrap();
    speaker.accept_call(&sent.request, &shape)?;
    let (_, id) = signing::verify(protocol, &sent.request, ring, sent.now)?;
    Ok(id)
}

impl Sent {
    fn header(&mut self, name: &str, change: impl Fn(&str) -> Option<String>) {
        let mut touched = false;
        self.request.headers.retain_mut(|(key, value)| {
            if !key.eq_ignore_ascii_case(name) {
                return true;
            }
            touched = true;
            let changed = change(value);
            changed.map(|changed| *value = changed).is_some()
        });
        assert!(touched, "no header `{name}` to change");
    }

    fn parameter(&mut self, name: &str, change: impl Fn(&str) -> Option<String>) {
        let mut touched = false;
        let mut rewrite = |raw: &[u8]| {
            let mut pairs = form::read(raw);
            pairs.retain_mut(|(key, value)| {
                if key != name {
                    return true;
                }
                touched = true;
                let changed = change(value);
                changed.map(|changed| *value = changed).is_some()
            });
            form::write(pairs.iter().map(|(key, value)| (&**key, &**value)))
        };
        self.request.query = rewrite(self.request.query.as_bytes());
        if form::is_form(&self.request) {
            self.request.body = rewrite(&self.request.body).into_bytes();
        }
        assert!(touched, "no parameter `{name}` to change");
    }

    /// Changes a byte of an argument, wherever arguments travel.
    fn argument(&mut self) {
        let body = String::from_utf8(self.request.body.clone()).unwrap();
        let query = self.request.query.replace("m-", "n-");
        let changed = body.replace("m-", "n-");
        assert!(query != self.request.query || changed != body);
        self.request.query = query;
        self.request.body = changed.into_bytes();
    }

    fn swap_method(&mut self) {
        let other = match self.request.method.as_str() {
            "GET" => "POST",
            _ => "GET",
        };
        self.request.method = other.to_owned();
    }
}

fn absent(_: &str) -> Option<String> {
    None
}

/// The last letter is another.
fn flipped(text: &str) -> Option<String> {
    let last = if text.ends_with('a') { "b" } else { "a" };
    Some(format!("{}{last}", &text[..text.len() - 1]))
}

fn to(text: &'static str) -> impl Fn(&str) -> Option<String> {
    move |_| Some(text.to_owned())
}

fn without(part: &'static str) -> impl Fn(&str) -> Option<String> {
    replaced(part, "")
}

fn replaced(part: &'static str, by: &'static str) -> impl Fn(&str) -> Option<String> {
    move |text| Some(text.replace(part, by))
}

/// What is changed, how, and what that earns.
type Change = (&'static str, fn(&mut Sent), Expected);

/// Each change, made to a request that was right, in every placement of the scheme.
#[track_caller]
fn check(scheme: &str, changes: &[Change]) {
    let found = signing::find(scheme).unwrap();
    for &placement in found.placements() {
        for key in [long_term(), temporary()] {
            let sent = send(scheme, placement, &key);
            let judged = judge(found.protocol(), &sent, &ring());
            assert_eq!(judged.as_deref(), Ok(&*key.id), "{scheme} {placement:?}");
        }
        for (what, change, expected) in changes {
            let mut sent = send(scheme, placement, &long_term());
            change(&mut sent);
            let what = format!("{scheme} {placement:?} {what}");
            match judge(found.protocol(), &sent, &ring()) {
                Ok(_) => panic!("{what}: accepted"),
                Err(refusal) => expected.compare(&refusal, &what),
            }
        }
    }
}

/// Keys that are unknown, wrong, or come with the wrong token.
#[track_caller]
fn check_keys(scheme: &str, unknown: Expected, mismatch: Expected, token: [Expected; 3]) {
    let [unexpected_token, wrong_token, no_token] = token;
    let cases = [
        (credential("nobody", "secret-1", None), unknown),
        (credential(LONG_TERM, "secret-2", None), mismatch),
        (credential(LONG_TERM, "secret-1", Some("token+/=")), unexpected_token),
        (credential(TEMPORARY, "secret-2", Some("other")), wrong_token),
        (credential(TEMPORARY, "secret-2", None), no_token),
    ];
    let found = signing::find(scheme).unwrap();
    for &placement in found.placements() {
        for (key, expected) in &cases {
            let sent = send(scheme, placement, key);
            let refusal = judge(found.protocol(), &sent, &ring()).unwrap_err();
            expected.compare(&refusal, &format!("{scheme} {placement:?} {key:?}"));
        }
    }
}

/// A second use of a nonce is refused by one vendor and not documented to be by the other; a request that is refused
/// does not use its nonce up.
#[test]
fn nonces() {
    let used = expected("SignatureNonceUsed", 400, "Specified signature nonce was used already.");
    for scheme in signing::SCHEMES {
        for &placement in scheme.placements() {
            let ring = ring();
            let mut sent = send(scheme.name(), placement, &long_term());
            sent.now += 3600;
            judge(scheme.protocol(), &sent, &ring).unwrap_err();
            sent.now = NOW;
            judge(scheme.protocol(), &sent, &ring).unwrap();
            match judge(scheme.protocol(), &sent, &ring) {
                Err(refusal) => used.compare(&refusal, scheme.name()),
                Ok(_) => assert_eq!(scheme.protocol(), "tencent-api3"),
            }
        }
    }
}

/// The edges of the windows are inside.
#[test]
fn windows() {
    for scheme in signing::SCHEMES {
        let window = match scheme.protocol() {
            "alibaba-rpc" => 15 * 60,
            _ => 5 * 60,
        };
        for offset in [-window, window] {
            let mut sent = send(scheme.name(), scheme.placements()[0], &long_term());
            sent.now += offset;
            judge(scheme.protocol(), &sent, &ring()).unwrap();
        }
    }
}

#[test]
fn calls_that_no_service_answers() {
    let cases = [
        ("alibaba-rpc", true, expected("InvalidApi.NotFound", 404, "Specified api is not found")),
        ("alibaba-rpc", false, expected("InvalidVersion", 400, "Specified parameter Version is not valid")),
        ("tencent-api3", true, expected("InvalidAction", 200, "")),
        ("tencent-api3", false, expected("NoSuchVersion", 200, "")),
    ];
    for (name, is_version_known, expected) in cases {
        let protocol = protocol::find(name).unwrap();
        expected.compare(&protocol.refuse_unknown(is_version_known), &format!("{name}, {is_version_known}"));
    }
}

/// The mock answers in the protocol that a request is made in, even when it understands nothing else of it.
#[test]
fn the_mock_refuses_what_it_does_not_have() {
    let set = std::sync::Arc::new(aswritten::spec::embedded().unwrap());
    let policy = aswritten::mock::Policy::new(&set, 0);
    let front = aswritten::mock::Front::new(aswritten::mock::Mock::new(set, policy), Vec::new());
    let cases = [
        (vec![("x-acs-action", "Fly"), ("x-acs-version", "2014-05-26"), ("x-acs-date", "now")], "InvalidApi.NotFound"),
        (vec![("x-acs-action", "Fly"), ("x-acs-version", "1999-01-01"), ("x-acs-date", "now")], "InvalidVersion"),
        (vec![("X-TC-Action", "Fly"), ("X-TC-Version", "2017-03-12"), ("X-TC-Timestamp", "1")], "InvalidAction"),
        (vec![("X-TC-Action", "Fly"), ("X-TC-Version", "2014-05-26"), ("X-TC-Timestamp", "1")], "NoSuchVersion"),
        (vec![("X-TC-Action", "Fly")], "MissingParameter"),
        (vec![], "MissingAction"),
    ];
    for (headers, code) in cases {
        let headers = headers.into_iter().chain([("Host", "127.0.0.1")]);
        let request = HttpRequest {
            method: "POST".into(),
            path: "/".into(),
            headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
            ..HttpRequest::default()
        };
        let answer = front.respond(&request, NOW, 0);
        let body = String::from_utf8(answer.body).unwrap();
        assert!(body.contains(code), "{request:?}: {body}");
    }
}
