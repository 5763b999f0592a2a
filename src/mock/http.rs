//! Requests → calls → responses, as real clients need them.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value;

use super::{
    handling::Handling,
    manners::{Rates, refusal},
    service::{Asked, Mock},
};
use crate::{
    history::Reply,
    model::Caller,
    spec::{
        operation::{Action, Effect},
        service::{Means, OpRef, RegionTravel},
    },
    wire::{
        Answer, Call, Credential, Format, HttpRequest, HttpResponse, KeyRing, Refusal, described,
        protocol::{self, Protocol},
        signing,
    },
};

/// Nonces that are remembered; older ones are forgotten, so that memory stays flat.
const NONCES: usize = 65_536;

/// Key id and secret that every mock knows, for every service.
pub const MAIN: (&str, &str) = ("aswritten-main", "aswritten-main-secret");
/// A second pair, whose policy denies the documented operations.
pub const RESTRICTED: (&str, &str) = ("aswritten-restricted", "aswritten-restricted-secret");
/// A pair that may only read, on a mock with more accounts.
pub const READER: (&str, &str) = ("aswritten-reader", "aswritten-reader-secret");
/// A pair of another account, on a mock with more accounts.
pub const STRANGER: (&str, &str) = ("aswritten-stranger", "aswritten-stranger-secret");
/// How the mock names itself, so that the suite knows that it has a restricted credential.
pub const SERVER: &str = concat!("aswritten-mock/", env!("CARGO_PKG_VERSION"));

/// The mock with its doors: protocols and signatures.
pub struct Front {
    pub mock: Mock,
    /// Another account's resources.
    stranger: Option<Mock>,
    keys: Keys,
    rates: Rates,
    /// Requests that no service has looked at.
    turned_down: AtomicU64,
    /// Accept anything, signed or not.
    pub unsigned: bool,
}

/// A request that was taken in.
pub enum Receipt<'f> {
    /// Turned away at the door; nothing once that is said.
    Refused(Option<HttpResponse>),
    UnderWay(Box<UnderWay<'f>>),
}

/// A request whose call is being handled.
pub struct UnderWay<'f> {
    front: &'f Front,
    handling: Handling<'f>,
    protocol: &'static dyn Protocol,
    action: String,
    host: String,
    format: Format,
    at: OpRef,
    /// What such a caller was refused with at the door, and is again should the service say the same.
    door: Option<(Caller, HttpResponse)>,
}

impl Receipt<'_> {
    /// It changes something, which takes a while.
    pub fn works(&self) -> bool {
        matches!(self, Self::UnderWay(under_way) if under_way.handling.works())
    }

    /// Goes on by one step; the response once there is one.
    pub fn step(&mut self, now_ms: u64) -> Option<HttpResponse> {
        match self {
            Self::Refused(response) => response.take(),
            Self::UnderWay(under_way) => under_way.step(now_ms),
        }
    }
}

impl UnderWay<'_> {
    fn step(&mut self, now_ms: u64) -> Option<HttpResponse> {
        let reply = self.handling.step(now_ms)?;
        let service = self.front.mock.set.service(self.at);
        let encoded = encode(self.protocol, &self.action, &service.product, &self.host, self.format, reply.clone());
        let is_same = |(caller, door): &mut (Caller, HttpResponse)| match &reply {
            Reply::Refused { code, .. } => door.status == encoded.status && service.mock_refuses(*caller, code),
            _ => false,
        };
        let response = self.door.take_if(is_same).map_or(encoded, |(_, door)| door);
        Some(self.front.distorted(self.at, &reply, &response).unwrap_or(response))
    }
}

struct Keys {
    known: Vec<Known>,
    nonces: Mutex<Nonces>,
}

/// A credential, and what it may do.
#[derive(Clone)]
struct Known {
    credential: Credential,
    user: User,
}

/// Who calls.
#[derive(Debug, Clone, Copy, Default)]
struct User {
    caller: Caller,
    /// The mock's own account is the first.
    account: usize,
    reads_only: bool,
}

#[derive(Default)]
struct Nonces {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Front {
    /// A front that knows the well-known pairs, and these.
    pub fn new(mock: Mock, more: Vec<Credential>) -> Self {
        let main = User::default();
        let known = |pair, user| Known { credential: Credential::pair(pair), user };
        let mut all = vec![known(MAIN, main), known(RESTRICTED, User { caller: Caller::Restricted, ..main })];
        let mut stranger = None;
        if mock.manners.accounts {
            all.push(known(READER, User { reads_only: true, ..main }));
            all.push(known(STRANGER, User { account: 1, ..main }));
            stranger = Some(Mock::new(mock.set.clone(), mock.policy.clone()));
        }
        all.extend(more.into_iter().map(|credential| Known { credential, user: main }));
        let keys = Keys { known: all, nonces: Mutex::default() };
        Self { mock, stranger, keys, rates: Rates::default(), turned_down: AtomicU64::new(0), unsigned: false }
    }

    /// Answers a request.
    ///
    /// `now_seconds` is the time of day, to check signatures; `now_ms` any clock that does not go back, to settle work.
    pub fn respond(&self, request: &HttpRequest, now_seconds: i64, now_ms: u64) -> HttpResponse {
        let mut receipt = self.receive(request, now_seconds, now_ms);
        loop {
            if let Some(response) = receipt.step(now_ms) {
                return response;
            }
        }
    }

    /// Takes a request in; others may come before it is answered.
    pub fn receive(&self, request: &HttpRequest, now_seconds: i64, now_ms: u64) -> Receipt<'_> {
        let Some((protocol, call)) = self.read(request) else {
            let body = b"unknown protocol".to_vec();
            return Receipt::Refused(Some(HttpResponse { status: 400, headers: Vec::new(), body }));
        };
        let format = protocol.format_of(request);
        let host = request.header("host").unwrap_or("").to_owned();
        let reply = protocol::Reply { action: "", status: 400, request_id: "", host: &host, product: "", format };
        let refuse = |refusal: &Refusal, action: &str, product: &str| {
            let request_id = self.own_id();
            let reply = protocol::Reply { action, product, request_id: &request_id, ..reply };
            protocol.encode_refusal(refusal, &reply)
        };
        let call = match call {
            Ok(call) => call,
            Err(refusal) => return Receipt::Refused(Some(refuse(&refusal, "", ""))),
        };
        let Some(at) = self.mock.operation(&call.action, &call.version) else {
            let refusal = protocol.refuse_unknown(self.has_version(protocol, &call));
            return Receipt::Refused(Some(refuse(&refusal, &call.action, "")));
        };
        let product = &self.mock.set.service(at).product;
        let (user, door) = match self.user(protocol, request, now_seconds) {
            Ok(user) => (user, None),
            Err(refusal) => {
                let door = refuse(&refusal, &call.action, product);
                // What such a caller earns, and what is done then, may be what a planted bug is about.
                let may_differ = self.mock.planted.is_some() && self.mock.set.operation(at).is_documented();
                match self.mock.set.service(at).access(&refusal.code).filter(|_| may_differ) {
                    Some(access) => (User { caller: access.caller, ..User::default() }, Some((access.caller, door))),
                    None => return Receipt::Refused(Some(door)),
                }
            }
        };
        if let Some((reply, header)) = self.turned_away(at, user, now_ms) {
            let mut response = encode(protocol, &call.action, product, &host, format, reply);
            response.headers.extend(header);
            return Receipt::Refused(Some(response));
        }
        let mock = self.stranger.as_ref().filter(|_| user.account > 0).unwrap_or(&self.mock);
        let handling = mock.begin(self.asked(at, &call, user.caller));
        let action = call.action;
        Receipt::UnderWay(Box::new(UnderWay { front: self, handling, protocol, action, host, format, at, door }))
    }

    /// Refusals that come before anyone looks at the call: its user is too fast, or may only read. With a header that says
    /// for how long to hold back.
    fn turned_away(&self, at: OpRef, user: User, now_ms: u64) -> Option<(Reply, Option<(String, String)>)> {
        let (set, manners) = (&self.mock.set, &self.mock.manners);
        let service = set.service(at);
        let factor = manners.throttle.unwrap_or(1.0);
        let exceeded = self.rates.exceeded(set, user.account, at, now_ms, factor);
        self.mock.statistics.call(at, exceeded.is_some());
        let request_id = || self.mock.request_id(at.service);
        if let Some(wait) = exceeded.filter(|_| manners.throttle.is_some())
            && let Some(reply) = refusal(service, Means::Throttled, "", request_id())
        {
            return Some((reply, service.retry_after.clone().map(|name| (name, wait.to_string()))));
        }
        if user.reads_only && set.operation(at).changes() {
            return refusal(service, Means::Unauthorized, "", request_id()).map(|reply| (reply, None));
        }
        None
    }

    /// An id for the answer to a request that no service has looked at; those of services are counted from below.
    fn own_id(&self) -> String {
        super::render::request_id(u64::MAX - self.turned_down.fetch_add(1, Ordering::Relaxed))
    }

    /// The answer of a service that is unavailable.
    pub(super) fn unavailable(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let (protocol, call) = self.read(request)?;
        let call = call.ok()?;
        let at = self.mock.operation(&call.action, &call.version)?;
        let service = self.mock.set.service(at);
        let reply = refusal(service, Means::Unavailable, "", self.own_id())?;
        let host = request.header("host").unwrap_or("");
        Some(encode(protocol, &call.action, &service.product, host, protocol.format_of(request), reply))
    }

    /// A call that may be sent twice without harm.
    pub(super) fn creates_nothing(&self, request: &HttpRequest) -> bool {
        let call = self.read(request).and_then(|(_, call)| call.ok());
        let at = call.and_then(|call| self.mock.operation(&call.action, &call.version));
        let creates = |effect: &Effect| matches!(effect.action, Action::Create { .. });
        at.is_some_and(|at| !self.mock.set.operation(at).effects.iter().any(creates))
    }

    /// The response as a planted bug writes it.
    fn distorted(&self, at: OpRef, reply: &Reply, response: &HttpResponse) -> Option<HttpResponse> {
        let planted = self.mock.planted.as_ref()?;
        let other = planted.fault.response(at, reply, response).filter(|other| other != response)?;
        planted.strike();
        Some(other)
    }

    /// The protocol that reads a call of one of its services in the request; where none does, the one whose headers it has.
    /// With what it reads.
    ///
    /// A scheme tells its own requests only from those of its siblings: parameters in a query may belong to any protocol.
    fn read(&self, request: &HttpRequest) -> Option<(&'static dyn Protocol, Result<Call, Refusal>)> {
        let read = |protocol: &'static dyn Protocol| {
            let call = protocol.decode_call(request, &|action, version, param| self.shape(action, version, param));
            (protocol, call)
        };
        let is_ours = |(protocol, call): &(&'static dyn Protocol, Result<Call, Refusal>)| {
            call.as_ref().is_ok_and(|call| self.has_version(*protocol, call))
        };
        let protocols = || protocol::PROTOCOLS.iter().copied();
        let recognised = || protocols().find(|protocol| protocol.recognises(request));
        let found = protocols().map(read).find(is_ours);
        let (protocol, call) = found.or_else(|| recognised().or_else(|| protocols().next()).map(read))?;
        let accepted = call.and_then(|call| protocol.check_manner(request).map(|()| call));
        Some((protocol, accepted))
    }

    /// A service that speaks the protocol has the version that a call wants.
    fn has_version(&self, protocol: &dyn Protocol, call: &Call) -> bool {
        let mut services = self.mock.set.services.iter();
        services.any(|service| service.version == call.version && service.protocol == protocol.name())
    }

    fn shape(&self, action: &str, version: &str, param: &str) -> Option<crate::wire::Shape> {
        let operation = self.mock.set.operation(self.mock.operation(action, version)?);
        let found = &operation.params[operation.param(param)?];
        Some(described::param(found))
    }

    fn user(&self, protocol: &dyn Protocol, request: &HttpRequest, now_seconds: i64) -> Result<User, Refusal> {
        if self.unsigned {
            return Ok(User::default());
        }
        let (_, id) = signing::verify(protocol.name(), request, &self.keys, now_seconds)?;
        let known = self.keys.known.iter().find(|known| known.credential.id == id);
        Ok(known.map(|known| known.user).unwrap_or_default())
    }

    fn asked(&self, at: OpRef, call: &Call, caller: Caller) -> Asked {
        let operation = self.mock.set.operation(at);
        let by_header = self.mock.set.service(at).region == RegionTravel::Header;
        let arguments = operation
            .params
            .iter()
            .map(|param| match &call.region {
                Some(region) if param.header && by_header => Some(Value::String(region.clone())),
                _ => call.arguments.get(&param.name).filter(|value| !value.is_null()).cloned(),
            })
            .collect();
        Asked { operation: at, arguments, region: call.region.as_deref().map(Arc::from), caller }
    }
}

/// Writes a reply of the service as a response.
fn encode(
    protocol: &dyn Protocol,
    action: &str,
    product: &str,
    host: &str,
    format: Format,
    reply: Reply,
) -> HttpResponse {
    let (status, request_id, answer) = match reply {
        Reply::Success { status, fields } => {
            let id = fields.get("RequestId").and_then(Value::as_str).unwrap_or_default().to_owned();
            (status, id, Answer::Success(fields))
        }
        Reply::Refused { status, code, message, request_id } => {
            let answer = Answer::Failure { code, message, request_id: request_id.clone(), body: Value::Null };
            (status, request_id.unwrap_or_default(), answer)
        }
        Reply::Trouble(_) | Reply::NotSent { .. } => return HttpResponse { status: 500, ..HttpResponse::default() },
    };
    let reply = protocol::Reply { action, status, request_id: &request_id, host, product, format };
    protocol.encode_answer(&answer, &reply)
}

impl KeyRing for Keys {
    fn find(&self, id: &str) -> Option<Credential> {
        self.known.iter().find(|known| known.credential.id == id).map(|known| known.credential.clone())
    }

    fn remember(&self, id: &str, nonce: &str) -> bool {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let nonce = format!("{id} {nonce}");
        if !nonces.known.insert(nonce.clone()) {
            return false;
        }
        nonces.order.push_back(nonce);
        if nonces.order.len() > NONCES
            && let Some(oldest) = nonces.order.pop_front()
        {
            nonces.known.remove(&oldest);
        }
        true
    }
}
