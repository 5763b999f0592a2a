//! What the mock answers, byte for byte: every documented refusal and the success of every document.
//!
//! Each is reached the way that the suite reaches it, by its plan, with signed requests. One file for each under `snapshots/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock, Mutex},
};

use aswritten::{
    endpoint::{
        Call, Endpoint, Sent,
        http::{Http, Target},
    },
    execute::{Givens, Surroundings, execute},
    generate::{Generator, Options},
    history::Reply,
    mock::{
        Front, Mock, Policy,
        http::{MAIN, RESTRICTED},
    },
    model::Caller,
    sequence::{Purpose, Script},
    spec::{self, Kind, SpecSet, service::OpRef},
    wire::{Answer, Credential, Format, HttpResponse, Placement, Stamp, described, protocol, signing},
};
use url::Url;

/// Moment of all signatures.
const NOW: i64 = 1_782_000_000;
/// How long the mock's work takes, in virtual milliseconds.
const SETTLE_MS: u64 = 20;
/// Documented rows that no mock answers in a plan of one call, each with the reason.
const NOT_REACHED: &[(&str, &str)] = &[];

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));

#[test]
fn ecs_delete_image() {
    check("ecs/DeleteImage");
}

#[test]
fn ecs_delete_image_legacy() {
    check("ecs/DeleteImage@legacy");
}

#[test]
fn ens_delete_image() {
    check("ens/DeleteImage");
}

#[test]
fn swas_delete_custom_images() {
    check("swas/DeleteCustomImages");
}

#[test]
fn cvm_delete_images() {
    check("cvm/DeleteImages");
}

/// Snapshots of an operation's success and of each row of its error table.
fn check(id: &str) {
    let at = SET.find(id).expect("it is specified");
    let operation = SET.operation(at);
    let success = operation.basics.expect("it is documented").success;
    let planned = Generator::new(&SET, &[at], "snapshots", options(Vec::new()));
    let mut missing = Vec::new();
    for (index, requirement) in operation.requirements.iter().enumerate() {
        let wanted = index == success || requirement.kind == Kind::Error;
        if !wanted || requirement.unreachable.is_some() || requirement.overlap {
            continue;
        }
        let row = operation.rows.iter().find(|row| row.requirement == Some(index));
        let is_due = |reply: &Reply| match (reply, row) {
            (Reply::Success { .. }, None) => true,
            (Reply::Refused { code, .. }, Some(row)) => row.codes.iter().any(|known| known.matches(code)),
            _ => false,
        };
        let generator = planned.again("snapshots", options(vec![(at, index)]));
        let reached = assumptions(&generator, (at, index)).into_iter().find_map(|policy| {
            let (reply, response) = answered(at, &generator.case(0)?, policy)?;
            is_due(&reply).then_some(response)
        });
        let Some(response) = reached else {
            missing.push(requirement.id.clone());
            continue;
        };
        let name = requirement.id.replace('/', "-").replace(['%', '*'], "_");
        insta::with_settings!({
            snapshot_path => "../snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
            filters => volatile(),
        }, {
            insta::assert_snapshot!(name, text(&response));
        });
    }
    let known: BTreeSet<&str> =
        NOT_REACHED.iter().map(|(id, _)| *id).filter(|known| known.starts_with(&format!("{id}/"))).collect();
    assert_eq!(missing.iter().map(String::as_str).collect::<BTreeSet<_>>(), known, "rows without an answer");
}

fn options(only: Vec<(OpRef, usize)>) -> Options {
    let probes = SET.services.iter().flat_map(|service| &service.givens).filter(|given| given.probe);
    let probes: BTreeSet<String> = probes.map(|given| format!("$given.{}", given.name)).collect();
    Options {
        probes: probes.iter().map(|place| place.as_str().into()).collect(),
        careful: false,
        restricted: (0..SET.services.len()).collect(),
        only,
        permit: Default::default(),
    }
}

/// The mock's first answers, then those that the plans assume, then all with the other order of codes.
fn assumptions(generator: &Generator<'_>, aim: (OpRef, usize)) -> Vec<Policy> {
    let mut policy = Policy::new(&SET, SETTLE_MS);
    let operation = SET.operation(aim.0);
    if operation.edition.is_some() {
        policy.edition(&SET, &operation.id).expect("it is an edition");
    }
    let mut list = vec![policy.clone()];
    for assumed in generator.assumed(aim) {
        let mut other = policy.clone();
        let known = other.choices.entry(aim.0).or_default();
        *known = known.joined(assumed);
        list.push(other);
    }
    let reversed: Vec<Policy> = list
        .iter()
        .cloned()
        .map(|mut policy| {
            policy.reversed.insert(aim.0, true);
            policy
        })
        .collect();
    list.extend(reversed);
    list
}

/// Runs a script over bytes; what its judged call earned.
fn answered(at: OpRef, script: &Script, policy: Policy) -> Option<(Reply, HttpResponse)> {
    let endpoint = Bytes::new(policy);
    let around = Surroundings {
        givens: Givens::defaults(&SET),
        run: "snapshots".into(),
        patience_ms: 2_000,
        linger_ms: 100,
        clean: false,
        pace: Default::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let upto =
        script.commands.iter().position(|command| command.operation == at && command.purpose == Purpose::Call)?;
    let script = script.with(script.commands[..=upto].to_vec());
    let history = runtime.block_on(execute(&SET, &script, &endpoint, &around, "0"));
    let reply = history.exchanges.last().filter(|exchange| exchange.command == upto)?.reply.clone();
    let response = endpoint.seen.into_inner().ok()?.last?;
    Some((reply, response))
}

/// The mock's front, called with signed requests; time is virtual.
struct Bytes {
    front: Front,
    http: Http,
    targets: BTreeMap<usize, Target>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    now_ms: u64,
    n_requests: u64,
    last: Option<HttpResponse>,
}

impl Bytes {
    fn new(policy: Policy) -> Self {
        let targets: BTreeMap<usize, Target> = SET
            .services
            .iter()
            .enumerate()
            .map(|(index, service)| {
                let scheme = signing::find(&service.signing[0]).expect("a known scheme");
                let order = [Placement::PostJson, Placement::PostQuery, Placement::PostForm, Placement::Get];
                let target = Target {
                    url: Url::parse("http://127.0.0.1/").expect("a URL"),
                    credential: Credential::pair(MAIN),
                    restricted: Some(Credential::pair(RESTRICTED)),
                    scheme: scheme.name().to_owned(),
                    placement: order
                        .into_iter()
                        .find(|place| scheme.placements().contains(place))
                        .expect("a placement"),
                    format: Format::Json,
                };
                (index, target)
            })
            .collect();
        let http = Http::new(SET.clone(), targets.clone(), std::time::Duration::from_secs(1)).expect("a client");
        let front = Front::new(Mock::new(SET.clone(), policy), Vec::new());
        Self { front, http, targets, seen: Mutex::default() }
    }

    fn exchange(&self, call: &Call) -> Reply {
        let mut seen = self.seen.lock().expect("nobody panicked");
        seen.now_ms += 1;
        seen.n_requests += 1;
        let stamp = Stamp { seconds: NOW, nonce: format!("{:032x}", seen.n_requests) };
        let request = match self.http.request(&self.targets[&call.operation.service], call, &stamp) {
            Ok(request) => request,
            Err(reason) => return Reply::NotSent { reason },
        };
        let response = self.front.respond(&request, NOW, seen.now_ms);
        let service = SET.service(call.operation);
        let protocol = protocol::find(&service.protocol).expect("a known protocol");
        let shape = described::answer(SET.operation(call.operation));
        let reply = match protocol.decode_answer(&response, Some(&shape)).expect("the mock's answers can be read") {
            Answer::Success(fields) => Reply::Success { status: response.status, fields },
            Answer::Failure { code, message, request_id, .. } => {
                Reply::Refused { status: response.status, code, message, request_id }
            }
        };
        // The caller is part of the signature, so that both credentials are seen to work.
        debug_assert!(matches!(call.caller, Caller::Main | Caller::Restricted));
        seen.last = Some(response);
        reply
    }
}

impl Endpoint for Bytes {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(std::future::ready(self.exchange(call)))
    }

    fn now_ms(&self) -> u64 {
        self.seen.lock().expect("nobody panicked").now_ms
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.seen.lock().expect("nobody panicked").now_ms += ms;
        Box::pin(std::future::ready(()))
    }

    fn name(&self) -> String {
        "bytes".into()
    }
}

fn text(response: &HttpResponse) -> String {
    let headers: Vec<String> = response.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let body = String::from_utf8_lossy(&response.body);
    format!("HTTP {}\n{}\n\n{body}", response.status, headers.join("\n"))
}

/// What differs from run to run or would change with every spec that is added: ids of requests, hosts, dates.
fn volatile() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[request id]"),
        (r#""HostId":\s*"[^"]*""#, r#""HostId":"[host]""#),
        (r"(?mi)^date: .*$", "date: [date]"),
        (r"\b(m|img|ci|i|s|snap|t)-[0-9a-z]{6,}\b", "$1-[id]"),
    ]
}
