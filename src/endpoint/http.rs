//! Any URL, through reqwest, signed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use secrecy::SecretString;

pub use super::translator::{Target, host};
use super::{
    Call, Endpoint, Sent,
    translator::{NO_NONCE, Translator},
};
use crate::{
    history::{Reply, Trouble, TroubleKind},
    spec::{SpecSet, service::OpRef},
    wire::{Credential, HttpRequest, HttpResponse, Stamp},
};

/// Largest answer that is read; the protocols' own limit is 50 MB, no answer of the specified operations comes near.
const LARGEST_BODY: usize = 8 << 20;

pub struct Http {
    client: reqwest::Client,
    translator: Translator,
    began: Instant,
    /// By operation: for how long the service asked to hold back with its latest answer, in milliseconds.
    asked: Mutex<BTreeMap<OpRef, u64>>,
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
        Ok(Self { client, translator: Translator::new(set, targets), began: Instant::now(), asked: Mutex::default() })
    }

    /// The service can be called.
    pub fn has(&self, service: usize) -> bool {
        self.translator.targets.contains_key(&service)
    }

    /// Spells and signs a call as its caller does; a nonce that was used before has to be in the stamp.
    pub fn request(&self, target: &Target, call: &Call, stamp: &Stamp) -> Result<HttpRequest, String> {
        self.translator.request(target, call, stamp)
    }

    async fn exchange(&self, call: &Call) -> Reply {
        let Some(target) = self.translator.targets.get(&call.operation.service) else {
            return Reply::NotSent { reason: "no endpoint for this service".into() };
        };
        let stamp = self.translator.stamp(call, now_seconds(), || format!("{:032x}", rand::random::<u128>()));
        let Some(stamp) = stamp else { return Reply::NotSent { reason: NO_NONCE.into() } };
        let request = match self.translator.request(target, call, &stamp) {
            Ok(request) => request,
            Err(reason) => return Reply::NotSent { reason },
        };
        let reply = match self.carry(target, &request).await {
            Ok(mut response) => {
                // A refusal may repeat what it got, and what is read is shown.
                response.body = target.without_secrets(response.body);
                self.heed(call.operation, &response);
                self.translator.read(call.operation, &response)
            }
            Err(trouble) => Reply::Trouble(trouble),
        };
        self.translator.remember(call, stamp, &reply);
        reply
    }

    /// Takes note of how long the service wants to be left alone.
    fn heed(&self, at: OpRef, response: &HttpResponse) {
        let own = self.translator.set.service(at).retry_after.as_deref();
        let number = |name: &str| response.header(name)?.trim().parse::<u64>().ok();
        let asked = own.and_then(number).or_else(|| Some(number("retry-after")?.saturating_mul(1_000)));
        let mut known = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Some(ms) => drop(known.insert(at, ms)),
            None => drop(known.remove(&at)),
        }
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

    /// Sends one request of a service as it is, to learn who answers; the `Server` header, if any.
    pub async fn greet(&self, service: usize) -> Result<Option<String>, Trouble> {
        let Some(target) = self.translator.targets.get(&service) else { return Ok(None) };
        let answer = self.client.get(target.url.clone()).send().await.map_err(|error| trouble(&error))?;
        Ok(answer.headers().get("server").and_then(|value| value.to_str().ok()).map(str::to_owned))
    }

    /// Gives a second credential to every service that is called.
    pub fn restrict(&mut self, credential: &Credential) {
        for target in self.translator.targets.values_mut().filter(|target| target.restricted.is_none()) {
            target.restricted = Some(credential.clone());
        }
    }

    /// Secrets and tokens of all credentials, so that others can take them out of what they write.
    pub fn secrets(&self) -> Vec<SecretString> {
        let targets = self.translator.targets.values();
        let credentials = targets.flat_map(|target| std::iter::once(&target.credential).chain(&target.restricted));
        credentials.flat_map(|found| std::iter::once(&found.secret).chain(&found.token)).cloned().collect()
    }

    pub fn has_restricted(&self, service: usize) -> bool {
        self.translator.targets.get(&service).is_some_and(|target| target.restricted.is_some())
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
        let mut urls: Vec<&str> = self.translator.targets.values().map(|target| target.url.as_str()).collect();
        urls.dedup();
        urls.join(", ")
    }

    fn asked_to_wait_ms(&self, operation: OpRef) -> Option<u64> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(&operation).copied()
    }
}

fn now_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).cast_signed()
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
