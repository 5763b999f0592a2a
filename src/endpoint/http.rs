//! Any URL, through reqwest, signed.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use url::Url;

use super::{Call, Endpoint, Sent};
use crate::{
    history::{Reply, Trouble, TroubleKind},
    model::Caller,
    spec::{SpecSet, service::OpRef},
    wire::{
        self, Answer, Credential, Format, HttpRequest, HttpResponse, Placement, Stamp, Transport, described, protocol,
        signing,
    },
};

/// Largest answer that is read; the protocols' own limit is 50 MB, no answer of the specified operations comes near.
const LARGEST_BODY: usize = 8 << 20;

/// How far a time lies back that is long past: the longest time that any vendor's document allows is an hour.
const LONG_PAST_SECONDS: i64 = 24 * 3600;
/// How long a nonce is known to be remembered for: vendors do not say, but a request is valid for at least five minutes.
const NONCE_LIFE: Duration = Duration::from_secs(5 * 60);
/// What a forger takes for the secret, and who nobody is.
const WRONG_SECRET: &str = "aswritten-wrong-secret";
const NOBODY: &str = "aswritten-nobody";

/// Where and as whom a service is called.
#[derive(Debug, Clone)]
pub struct Target {
    pub url: Url,
    pub credential: Credential,
    /// A second credential, whose policy denies the documented operations.
    pub restricted: Option<Credential>,
    /// Name of the signing scheme.
    pub scheme: String,
    pub placement: Placement,
    pub format: Format,
}

impl Target {
    /// Key and secret that a caller signs with.
    fn credential_of(&self, caller: Caller) -> Cow<'_, Credential> {
        match caller {
            Caller::Restricted => Cow::Borrowed(self.restricted.as_ref().unwrap_or(&self.credential)),
            Caller::Forged => Cow::Owned(Credential { secret: WRONG_SECRET.into(), ..self.credential.clone() }),
            Caller::Unknown => Cow::Owned(Credential { id: NOBODY.into(), secret: WRONG_SECRET.into(), token: None }),
            Caller::Main | Caller::Stale | Caller::Replayed | Caller::Unsigned => Cow::Borrowed(&self.credential),
        }
    }
}

pub struct Http {
    set: Arc<SpecSet>,
    client: reqwest::Client,
    /// By service.
    targets: BTreeMap<usize, Target>,
    /// By service: the nonce of the latest request that succeeded, and when.
    nonces: Mutex<BTreeMap<usize, (String, Instant)>>,
    began: Instant,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

impl Http {
    /// A client for these services.
    ///
    /// # Errors
    /// When the HTTP client cannot be made (no TLS roots, for instance).
    pub fn new(set: Arc<SpecSet>, targets: BTreeMap<usize, Target>, timeout: Duration) -> Result<Self, ClientError> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .pool_max_idle_per_host(64)
            .tcp_nodelay(true)
            // A redirect is an answer to be judged, and a signature is for one host.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("aswritten/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { set, client, targets, nonces: Mutex::default(), began: Instant::now() })
    }

    /// The service can be called.
    pub fn has(&self, service: usize) -> bool {
        self.targets.contains_key(&service)
    }

    /// Spells and signs a call as its caller does; a nonce that was used before has to be in the stamp.
    pub fn request(&self, target: &Target, call: &Call, stamp: &Stamp) -> Result<HttpRequest, String> {
        let service = self.set.service(call.operation);
        let operation = self.set.operation(call.operation);
        let protocol =
            protocol::find(&service.protocol).ok_or_else(|| format!("no protocol `{}`", service.protocol))?;
        let scheme = signing::find(&target.scheme).ok_or_else(|| format!("no signing scheme `{}`", target.scheme))?;
        let arguments = operation
            .params
            .iter()
            .zip(&call.arguments)
            .filter(|(param, _)| !param.header)
            .filter_map(|(param, value)| Some((param.name.clone(), value.clone()?)))
            .collect();
        let beside = operation.params.iter().zip(&call.arguments).find(|(param, _)| param.header);
        let region = match beside {
            Some((_, value)) => value.as_ref().map(crate::value::plain),
            None => call.region.as_deref().map(str::to_owned),
        };
        let wire_call =
            wire::Call { action: operation.name.clone(), version: service.version.clone(), region, arguments };
        let transport = Transport {
            host: host(&target.url),
            product: service.product.clone(),
            placement: target.placement,
            format: target.format,
        };
        let shape = |name: &str| operation.param(name).map(|param| described::param(&operation.params[param]));
        let mut stamp = stamp.clone();
        if call.caller == Caller::Stale {
            stamp.seconds -= LONG_PAST_SECONDS;
        }
        let draft = protocol.draft(&wire_call, &shape, transport);
        let signed = scheme.sign(draft, &target.credential_of(call.caller), &stamp);
        Ok(if call.caller == Caller::Unsigned { scheme.unsigned(signed) } else { signed })
    }

    /// Time and nonce of a call; none for a caller who wants a used nonce where there is none yet.
    fn stamp(&self, call: &Call) -> Option<Stamp> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).cast_signed();
        let nonce = match call.caller {
            Caller::Replayed => {
                let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
                let (nonce, used) = nonces.get(&call.operation.service)?;
                (used.elapsed() < NONCE_LIFE).then(|| nonce.clone())?
            }
            _ => format!("{:032x}", rand::random::<u128>()),
        };
        Some(Stamp { seconds, nonce })
    }

    /// Keeps the nonce of a request that succeeded: whoever checks nonces has seen it. It is used again in other requests,
    /// never with the same one.
    fn remember(&self, call: &Call, stamp: Stamp, reply: &Reply) {
        if matches!(reply, Reply::Success { .. }) && call.caller == Caller::Main {
            let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
            nonces.insert(call.operation.service, (stamp.nonce, Instant::now()));
        }
    }

    async fn exchange(&self, call: &Call) -> Reply {
        let Some(target) = self.targets.get(&call.operation.service) else {
            return Reply::NotSent { reason: "no endpoint for this service".into() };
        };
        let Some(stamp) = self.stamp(call) else {
            return Reply::NotSent { reason: "no request succeeded lately whose nonce could be used again".into() };
        };
        let request = match self.request(target, call, &stamp) {
            Ok(request) => request,
            Err(reason) => return Reply::NotSent { reason },
        };
        let reply = match self.carry(target, &request).await {
            Ok(response) => self.read(call.operation, &response),
            Err(trouble) => Reply::Trouble(trouble),
        };
        self.remember(call, stamp, &reply);
        reply
    }

    async fn carry(&self, target: &Target, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
        let mut url = target.url.clone();
        url.set_query((!request.query.is_empty()).then_some(&*request.query));
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap_or(reqwest::Method::POST);
        let mut outgoing = self.client.request(method, url).body(request.body.clone());
        for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")) {
            outgoing = outgoing.header(name, value);
        }
        let mut answer = outgoing.send().await.map_err(|error| trouble(&error))?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| trouble(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_BODY {
                let text = format!("the answer is larger than {} MB", LARGEST_BODY >> 20);
                return Err(Trouble { kind: TroubleKind::Unreadable, text, may_have_happened: true });
            }
        }
        Ok(HttpResponse { status, headers, body })
    }

    fn read(&self, at: OpRef, response: &HttpResponse) -> Reply {
        let service = self.set.service(at);
        let shape = described::answer(self.set.operation(at));
        let Some(protocol) = protocol::find(&service.protocol) else {
            return Reply::NotSent { reason: format!("no protocol `{}`", service.protocol) };
        };
        match protocol.decode_answer(response, Some(&shape)) {
            Ok(Answer::Success(fields)) => Reply::Success { status: response.status, fields },
            Ok(Answer::Failure { code, message, request_id, .. }) => {
                Reply::Refused { status: response.status, code, message, request_id }
            }
            Err(unreadable) => {
                let text = format!("{} (HTTP {})", unreadable.reason, response.status);
                Reply::Trouble(Trouble { kind: TroubleKind::Unreadable, text, may_have_happened: true })
            }
        }
    }

    /// Sends one request of a service as it is, to learn who answers; the `Server` header, if any.
    pub async fn greet(&self, service: usize) -> Result<Option<String>, Trouble> {
        let Some(target) = self.targets.get(&service) else { return Ok(None) };
        let answer = self.client.get(target.url.clone()).send().await.map_err(|error| trouble(&error))?;
        Ok(answer.headers().get("server").and_then(|value| value.to_str().ok()).map(str::to_owned))
    }

    /// Gives a second credential to every service that is called.
    pub fn restrict(&mut self, credential: &Credential) {
        for target in self.targets.values_mut().filter(|target| target.restricted.is_none()) {
            target.restricted = Some(credential.clone());
        }
    }

    pub fn has_restricted(&self, service: usize) -> bool {
        self.targets.get(&service).is_some_and(|target| target.restricted.is_some())
    }
}

impl Endpoint for Http {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.exchange(call))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }

    fn name(&self) -> String {
        let mut urls: Vec<&str> = self.targets.values().map(|target| target.url.as_str()).collect();
        urls.dedup();
        urls.join(", ")
    }
}

/// `Host` as the URL has it: with its port unless that is the scheme's own.
pub fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// What a failed exchange was. Only a refused connection is certain not to have reached anyone.
fn trouble(error: &reqwest::Error) -> Trouble {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    let (kind, may_have_happened) = if error.is_timeout() {
        (TroubleKind::Timeout, !error.is_connect())
    } else if error.is_connect() {
        (TroubleKind::Unreachable, false)
    } else {
        (TroubleKind::Broken, true)
    };
    Trouble { kind, text, may_have_happened }
}
