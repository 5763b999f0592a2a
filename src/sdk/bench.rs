//! Runs a case: the sequence, through the SDK where it can, and the mock at the other end.

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value};

use super::{
    case::Case,
    catalogue::Adapter,
    process::{Launch, Process, ProcessError},
    protocol::{self, CallOptions, Hello, Keys, Known, Outcome, Question, Shown},
    server::{Arrival, Server, Spell, now_seconds},
    spoil::{Spoil, Treatment},
};
use crate::{
    endpoint::{Call, Endpoint, Sent},
    execute::{Givens, Pace, Surroundings, execute},
    history::{Reply, Trouble, TroubleKind},
    mock::{Front, Mock, Policy, http::RESTRICTED, render, service::Asked},
    model::Caller,
    spec::{
        SpecSet,
        operation::{Param, ParamType, Spelling},
        service::{Means, OpRef, RegionTravel},
    },
    value::Key,
    wire::{self, Answer, Credential, HttpRequest, KeyRing, Refusal, signing},
};

/// How long asynchronous work takes on the mock, in virtual time.
const SETTLE_MS: u64 = 50;
/// How much longer than its time-outs a call may take before the adapter counts as hung.
const HUNG: Duration = Duration::from_secs(40);
/// Key id that the calls are signed with, and the secret of a forger.
const KEY: &str = "aswritten-sdk";
const FORGED: &str = "aswritten-forged-secret";

/// An adapter at work on one service.
pub struct Bench {
    pub set: Arc<SpecSet>,
    pub adapter: Arc<Adapter>,
    pub known: Known,
    pub runtime: String,
    launch: Launch,
    /// None after it has hung or ended.
    process: Mutex<Option<Process>>,
    server: Server,
    secret: String,
    nonces: Nonces,
    executor: tokio::runtime::Runtime,
    n_run: u64,
}

/// Why a case could not be run; no fault of the SDK.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Adapter(#[from] ProcessError),
    #[error("listen on the loopback address: {0}")]
    Server(#[from] io::Error),
    #[error("get an answer from the adapter: it says that {0}")]
    NotUnderstood(String),
}

/// One call that went through the SDK.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Index of its command.
    pub command: usize,
    pub operation: OpRef,
    /// What the caller asked for.
    pub call: protocol::Call,
    /// The call as one would write it.
    pub written: String,
    pub arrivals: Vec<Arrival>,
    /// For each arrival: the scheme that verifies it, or why none does.
    pub signatures: Vec<Result<String, Refusal>>,
    /// For each arrival: its nonce was never used.
    pub fresh: Vec<bool>,
    pub surfaced: Surfaced,
    pub took: Duration,
    /// Resources that it names, and that went while it was made.
    pub went: Vec<Key>,
    /// Its answers were treated.
    pub treated: bool,
}

/// What the caller was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Surfaced {
    Success {
        fields: Option<Map<String, Value>>,
        text: Option<String>,
    },
    Error(Shown),
    /// Nothing, long after every time-out.
    Hung,
    /// Nothing: the process ended.
    Died(String),
}

impl Bench {
    /// Starts an adapter and a server for it.
    ///
    /// # Errors
    /// When either cannot be started.
    pub fn new(
        set: Arc<SpecSet>,
        adapter: Arc<Adapter>,
        launch: Launch,
        started: (Process, Hello),
        known: Known,
    ) -> Result<Self, BenchError> {
        let (process, hello) = started;
        Ok(Self {
            set,
            adapter,
            known,
            runtime: hello.runtime,
            launch,
            process: Mutex::new(Some(process)),
            server: Server::start()?,
            secret: format!("{:032x}", rand::random::<u128>()),
            nonces: Nonces::default(),
            executor: tokio::runtime::Builder::new_current_thread().build()?,
            n_run: 0,
        })
    }

    /// Runs a case; every call that went through the SDK, in order.
    ///
    /// # Errors
    /// When the adapter is of no use.
    pub fn run(&mut self, case: &Case) -> Result<Vec<Seen>, BenchError> {
        self.n_run += 1;
        let policy = Policy::new(&self.set, SETTLE_MS);
        let front = Front::new(Mock::new(self.set.clone(), policy), vec![Credential::pair((KEY, &self.secret))]);
        let front = Arc::new(front);
        let Some(service) = case.script.commands.first().map(|command| command.operation.service) else {
            return Ok(Vec::new());
        };
        self.server.take_up(front.clone(), self.spell(service));
        let through = Through { bench: self, case, front, state: Mutex::default() };
        let around = Surroundings {
            givens: Givens::defaults(&self.set),
            run: "aswritten".into(),
            patience_ms: 60 * SETTLE_MS,
            linger_ms: 2 * SETTLE_MS,
            clean: false,
            pace: Pace::default(),
        };
        let name = self.n_run.to_string();
        let history = self.executor.block_on(execute(&self.set, &case.script, &through, &around, &name));
        let state = through.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error {
            return Err(error);
        }
        // Exchanges are in the order in which commands were sent, repetitions included.
        let sent = history.exchanges.iter().filter(|exchange| !matches!(exchange.reply, Reply::NotSent { .. }));
        let commands: Vec<usize> = sent.map(|exchange| exchange.command).collect();
        let seen = state.seen.into_iter().map(|(number, mut seen)| {
            seen.command = commands.get(number).copied().unwrap_or_default();
            seen
        });
        Ok(seen.collect())
    }

    /// How the protocol of a service spells a documented error.
    fn spell(&self, service: usize) -> Spell {
        let described = &self.set.services[service];
        let (name, product) = (described.protocol.clone(), described.product.clone());
        Arc::new(move |treatment: &Treatment, request: &HttpRequest| {
            let Spoil::Refusal { status, code, message, .. } = &treatment.spoil else { return Default::default() };
            let Some(protocol) = wire::protocol::find(&name) else { return Default::default() };
            let request_id = render::request_id(rand::random::<u64>());
            let answer = Answer::Failure {
                code: code.clone(),
                message: message.clone(),
                request_id: Some(request_id.clone()),
                body: Value::Null,
            };
            let reply = wire::protocol::Reply {
                action: "",
                status: *status,
                request_id: &request_id,
                host: request.header("host").unwrap_or_default(),
                product: &product,
                format: protocol.format_of(request),
            };
            protocol.encode_answer(&answer, &reply)
        })
    }
}

/// Sends calls through the SDK, or straight to the mock.
struct Through<'a> {
    bench: &'a Bench,
    case: &'a Case,
    front: Arc<Front>,
    state: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Calls so far, however they were sent.
    n_sent: usize,
    /// Documented calls so far.
    n_documented: usize,
    /// By number of the call.
    seen: Vec<(usize, Seen)>,
    error: Option<BenchError>,
}

impl Endpoint for Through<'_> {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(std::future::ready(self.answer(call)))
    }

    fn now_ms(&self) -> u64 {
        self.bench.server.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.bench.server.wait(ms);
        Box::pin(std::future::ready(()))
    }

    fn name(&self) -> String {
        self.bench.known.sdk.clone()
    }
}

impl Through<'_> {
    fn answer(&self, call: &Call) -> Reply {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.n_sent;
        state.n_sent += 1;
        let documented = self.bench.set.operation(call.operation).is_documented();
        state.n_documented += usize::from(documented);
        let commands = &self.case.script.commands;
        let is_documented = |at: &OpRef| self.bench.set.operation(*at).is_documented();
        let n_documented = commands.iter().filter(|command| is_documented(&command.operation)).count();
        // Companions are answered as they are.
        let under_test = documented && state.n_documented == n_documented;
        let through = (documented || self.case.companions) && state.error.is_none();
        if through && let Some(keys) = self.bench.keys(call.caller) {
            match self.call(call, keys, under_test) {
                Ok(Some((seen, reply))) => {
                    state.seen.push((number, seen));
                    return reply;
                }
                Ok(None) => {}
                Err(error) => state.error = Some(error),
            }
        }
        let asked = Asked {
            operation: call.operation,
            arguments: call.arguments.clone(),
            region: call.region.clone(),
            caller: call.caller,
        };
        self.front.mock.answer(asked, self.bench.server.tick())
    }

    /// Makes a call of the SDK; none when it has no way to.
    fn call(&self, call: &Call, keys: Keys, under_test: bool) -> Result<Option<(Seen, Reply)>, BenchError> {
        let bench = self.bench;
        let asked = bench.question(call, keys, self.case);
        let targets = self.targets(call);
        let standing: Vec<Key> = targets.into_iter().filter(|key| self.stands(call.operation.service, key)).collect();
        bench.server.expect(if under_test { self.case.treatments.clone() } else { Vec::new() });
        let within = Duration::from_millis(asked.options.timeout_ms) * (1 + asked.options.retries) + HUNG;
        let mut held = bench.process.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some(Process::greet(&bench.launch)?.0);
        }
        let Some(process) = held.as_mut() else { return Ok(None) };
        let answered = process.call(Question::Call(Box::new(asked.clone())), within);
        let (written, surfaced, took) = match answered {
            Ok((told, took)) => match told.outcome {
                Outcome::Unsupported { .. } => return Ok(None),
                Outcome::NotUnderstood { reason } => return Err(BenchError::NotUnderstood(reason)),
                Outcome::Success { fields, text } => (told.call, Surfaced::Success { fields, text }, took),
                Outcome::Error { error } => (told.call, Surfaced::Error(error), took),
            },
            Err(ProcessError::Silent { after }) => {
                *held = None;
                (String::new(), Surfaced::Hung, after)
            }
            Err(ProcessError::Ended { stderr }) => {
                *held = None;
                (String::new(), Surfaced::Died(stderr), Duration::ZERO)
            }
            Err(other) => return Err(other.into()),
        };
        drop(held);
        let arrivals = bench.server.arrivals();
        let ring = Ring { keys: &asked.credentials, nonces: None };
        let fresh_ring = Ring { keys: &asked.credentials, nonces: Some(&bench.nonces) };
        let protocol = &bench.set.service(call.operation).protocol;
        let verify = |request: &HttpRequest, ring: &Ring<'_>| {
            signing::verify(protocol, request, ring, now_seconds()).map(|(scheme, _)| scheme.name().to_owned())
        };
        let signatures: Vec<_> = arrivals.iter().map(|arrival| verify(&arrival.request, &ring)).collect();
        let fresh = arrivals
            .iter()
            .zip(&signatures)
            .map(|(arrival, signature)| signature.is_err() || verify(&arrival.request, &fresh_ring).is_ok())
            .collect();
        let went = standing.into_iter().filter(|key| !self.stands(call.operation.service, key)).collect();
        let reply = arrivals.last().map_or_else(lost, |arrival| bench.reply(call.operation, arrival));
        let seen = Seen {
            command: 0,
            operation: call.operation,
            call: asked,
            written,
            arrivals,
            signatures,
            fresh,
            surfaced,
            took,
            went,
            treated: under_test && !self.case.treatments.is_empty(),
        };
        Ok(Some((seen, reply)))
    }

    /// Ids of the resources that a call names.
    fn targets(&self, call: &Call) -> Vec<Key> {
        let region = call.region.clone().unwrap_or_default();
        let request = crate::model::Request::new(
            &self.bench.set,
            call.operation,
            call.arguments.clone(),
            call.caller,
            Vec::new(),
            &region,
        );
        request.targets.into_iter().flatten().collect()
    }

    /// The mock has the resource, and nobody is removing it.
    fn stands(&self, service: usize, key: &Key) -> bool {
        let state = self.front.mock.state(service);
        state.living(key).is_some() && !state.is_leaving(key)
    }
}

fn lost() -> Reply {
    let text = "nothing reached the wire".to_owned();
    Reply::Trouble(Trouble { kind: TroubleKind::Unreachable, text, may_have_happened: false })
}

impl Bench {
    /// Key and secret of a caller; none for those that only a hand-made request can be.
    fn keys(&self, caller: Caller) -> Option<Keys> {
        let pair = |id: &str, secret: &str| Some(Keys { id: id.into(), secret: secret.into() });
        match caller {
            Caller::Main => pair(KEY, &self.secret),
            Caller::Restricted => pair(RESTRICTED.0, RESTRICTED.1),
            Caller::Forged => pair(KEY, FORGED),
            Caller::Unknown => pair("aswritten-nobody", FORGED),
            Caller::Stale | Caller::Replayed | Caller::Unsigned => None,
        }
    }

    /// The call as the adapter is asked for it.
    fn question(&self, call: &Call, credentials: Keys, case: &Case) -> protocol::Call {
        let service = self.set.service(call.operation);
        let operation = self.set.operation(call.operation);
        let given = || operation.params.iter().zip(&call.arguments);
        let arguments = given()
            .filter(|(param, _)| !param.header)
            .filter_map(|(param, value)| Some((param.name.clone(), as_documented(param, value.as_ref()?))))
            .collect();
        let named = |wanted: fn(&Param) -> bool| {
            given().find(|(param, _)| wanted(param)).map(|(_, value)| value.as_ref().map(crate::value::plain))
        };
        let home = || service.given("region").map(|given| given.default.clone());
        let region = match service.region {
            RegionTravel::Header => match named(|param| param.header) {
                Some(region) => region,
                None => call.region.as_deref().map(str::to_owned),
            },
            RegionTravel::Parameter => {
                named(|param| param.region).flatten().filter(|text| !text.is_empty()).or_else(home)
            }
            RegionTravel::None => home(),
        };
        let throttling = service.common.iter().filter(|common| common.means == Means::Throttled);
        let retry_codes = throttling.flat_map(|common| super::generate::codes(&common.code)).collect();
        protocol::Call {
            service: service.name.clone(),
            version: service.version.clone(),
            action: operation.name.clone(),
            arguments,
            region: region.unwrap_or_default(),
            endpoint: self.server.url(),
            credentials,
            options: CallOptions {
                timeout_ms: case.timeout_ms(),
                retries: case.retries,
                retry_codes,
                signing: case.signing.clone(),
            },
        }
    }

    /// What an arrival was answered, as far as the rest of the sequence needs it.
    fn reply(&self, at: OpRef, arrival: &Arrival) -> Reply {
        let service = self.set.service(at);
        let decoded = wire::protocol::find(&service.protocol)
            .zip(arrival.answer.as_ref())
            .and_then(|(protocol, answer)| Some((answer.status, protocol.decode_answer(answer, None).ok()?)));
        match decoded {
            Some((status, Answer::Success(fields))) => Reply::Success { status, fields },
            Some((status, Answer::Failure { code, message, request_id, .. })) => {
                Reply::Refused { status, code, message, request_id }
            }
            None => lost(),
        }
    }
}

/// A value as the document types its parameter: lists that travel as one text are given as that text.
fn as_documented(param: &Param, value: &Value) -> Value {
    match (param.kind, param.spelling, value) {
        (ParamType::Texts | ParamType::Objects, Spelling::Json, Value::Array(_)) => Value::String(value.to_string()),
        (ParamType::Texts, Spelling::Comma, Value::Array(list)) => {
            Value::String(list.iter().map(crate::value::plain).collect::<Vec<_>>().join(","))
        }
        _ => value.clone(),
    }
}

#[derive(Default)]
struct Nonces(Mutex<HashSet<String>>);

/// The keys of one call.
struct Ring<'a> {
    keys: &'a Keys,
    /// Used nonces; none where they are not looked at.
    nonces: Option<&'a Nonces>,
}

impl KeyRing for Ring<'_> {
    fn find(&self, id: &str) -> Option<Credential> {
        (id == self.keys.id).then(|| Credential::pair((&self.keys.id, &self.keys.secret)))
    }

    fn remember(&self, id: &str, nonce: &str) -> bool {
        let Some(nonces) = self.nonces else { return true };
        nonces.0.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{id} {nonce}"))
    }
}
