//! Calls → signed requests, and responses → replies, whatever carries them.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::ExposeSecret;
use url::Url;

use super::Call;
use crate::{
    history::{Reply, Trouble, TroubleKind},
    model::Caller,
    spec::{SpecSet, service::OpRef},
    wire::{
        self, Answer, Credential, Format, HttpRequest, HttpResponse, Placement, Stamp, Transport, described, protocol,
        signing,
    },
};

/// How far a time lies back that is long past: the longest time that any vendor's document allows is an hour.
const LONG_PAST_SECONDS: i64 = 24 * 3600;
/// How long a nonce is known to be remembered for: vendors do not say, but a request is valid for at least five minutes.
const NONCE_LIFE_SECONDS: i64 = 5 * 60;
/// What a forger takes for the secret, and who nobody is.
const WRONG_SECRET: &str = "aswritten-wrong-secret";
const NOBODY: &str = "aswritten-nobody";
/// Anything shorter is no secret, and may stand anywhere.
const SHORTEST: usize = 6;
/// Why a call that wants a used nonce was not sent.
pub const NO_NONCE: &str = "no request succeeded lately whose nonce could be used again";

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
    /// A body without what belongs to credentials: key ids, secrets and tokens.
    pub fn without_secrets(&self, body: Vec<u8>) -> Vec<u8> {
        let mut body = body;
        for credential in std::iter::once(&self.credential).chain(&self.restricted) {
            let secrets = [Some(&credential.secret), credential.token.as_ref()].into_iter().flatten();
            let secrets = secrets.map(|secret| secret.expose_secret());
            for text in secrets.chain([credential.id.as_str()]).filter(|text| text.len() >= SHORTEST) {
                body = replaced(body, text.as_bytes());
            }
        }
        body
    }

    /// Key and secret that a caller signs with.
    fn credential_of(&self, caller: Caller) -> Cow<'_, Credential> {
        match caller {
            Caller::Restricted => Cow::Borrowed(self.restricted.as_ref().unwrap_or(&self.credential)),
            Caller::Forged => Cow::Owned(Credential { secret: WRONG_SECRET.into(), ..self.credential.clone() }),
            Caller::Unknown => Cow::Owned(Credential::pair((NOBODY, WRONG_SECRET))),
            Caller::Main | Caller::Stale | Caller::Replayed | Caller::Unsigned => Cow::Borrowed(&self.credential),
        }
    }
}

/// Every occurrence replaced by asterisks.
fn replaced(body: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let mut rest = body.as_slice();
    let mut found = Vec::new();
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        found.extend_from_slice(&rest[..at]);
        found.extend_from_slice(b"***");
        rest = &rest[at + secret.len()..];
    }
    if found.is_empty() && rest.len() == body.len() {
        return body;
    }
    found.extend_from_slice(rest);
    found
}

/// Speaks for the services that it has targets for.
pub struct Translator {
    pub set: Arc<SpecSet>,
    /// By service.
    pub targets: BTreeMap<usize, Target>,
    /// By service: the nonce of the latest request that succeeded, and its time of day in seconds.
    nonces: Mutex<BTreeMap<usize, (String, i64)>>,
}

impl Translator {
    pub fn new(set: Arc<SpecSet>, targets: BTreeMap<usize, Target>) -> Self {
        Self { set, targets, nonces: Mutex::default() }
    }

    /// Time and nonce of a call at this time of day; none for a caller who wants a used nonce where there is none yet.
    pub fn stamp(&self, call: &Call, seconds: i64, fresh: impl FnOnce() -> String) -> Option<Stamp> {
        let nonce = match call.caller {
            Caller::Replayed => {
                let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
                let (nonce, used) = nonces.get(&call.operation.service)?;
                (seconds - used < NONCE_LIFE_SECONDS).then(|| nonce.clone())?
            }
            _ => fresh(),
        };
        Some(Stamp { seconds, nonce })
    }

    /// Keeps the nonce of a request that succeeded: whoever checks nonces has seen it. It is used again in other requests,
    /// never with the same one.
    pub fn remember(&self, call: &Call, stamp: Stamp, reply: &Reply) {
        if matches!(reply, Reply::Success { .. }) && call.caller == Caller::Main {
            let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
            nonces.insert(call.operation.service, (stamp.nonce, stamp.seconds));
        }
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

    /// Reads a response. What is none of the protocol's is trouble.
    pub fn read(&self, at: OpRef, response: &HttpResponse) -> Reply {
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
}

/// `Host` as the URL has it: with its port unless that is the scheme's own.
pub fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}
