//! Calls that overlap: scripts with lanes, real overlap, judging by orders, and bugs that only overlapping calls show.
//!
//! `ASWRITTEN_RACE_SEEDS` and `ASWRITTEN_RACE_MUTANT_SEEDS` ask for longer hunts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, LazyLock, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aswritten::{
    campaign::{Outcome, Settings, Verdict, outcome::FindingResult, run_planned},
    endpoint::{
        Call, Endpoint, Sent,
        http::{Http, Target},
        in_process::InProcess,
    },
    execute::{Givens, Surroundings, execute},
    generate::{Generator, Options},
    history::{Exchange, History, Reply, Stamps, Trouble, TroubleKind},
    mock::{Front, Mock, Policy, http::MAIN, server::Server, service::Asked},
    model::Caller,
    mutant::{self, Hunt, Mutant, kill::hunt},
    oracle::{Judged, judge},
    sequence::{Command, Script},
    spec::{
        self, SpecSet,
        operation::{Code, Law},
        service::{Means, OpRef},
    },
    wire::{Credential, Format, signing},
};
use proptest::{prelude::*, test_runner::Config};
use serde_json::{Map, Value, json};

const SETTLE_MS: u64 = 20;
const PATIENCE_MS: u64 = 2_000;
/// Seeds of the hunt for false alarms, and of mutants.
const SEEDS: u64 = 6;
const MUTANT_SEEDS: u64 = 2;
/// How long work takes in false alarm hunts.
const PACES_MS: [u64; 6] = [SETTLE_MS, 0, 1, 7, 50, PATIENCE_MS - 200];
/// Mutants that race, and that every seed has to kill.
const KILLED: &[&str] = &[
    "cvm/DeleteImages/check-then-act/deletion",
    "cvm/DeleteImages/answer-early/success",
    "cvm/DeleteImages/lost-update/state",
    "cvm/DeleteImages/double-success/success",
    "cvm/DeleteImages/leave-to-other/shared",
    "cvm/DeleteImages/stale-read/read",
    "cvm/DeleteImages/exclude-all/elsewhere",
    "cvm/DeleteImages/exclude-and-do/deletion",
    "cvm/DeleteImages/forget-second/second",
    "ecs/DeleteImage/check-then-act/deletion",
    "ens/DeleteImage/lost-update/state",
    "cvm/DeleteImages/item-by-item/first",
    "swas/DeleteCustomImages/leave-to-other/shared",
    "swas/DeleteCustomImages/late-token/overlapping",
];

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));

/// Documented operations, each with its plans.
static GENERATORS: LazyLock<Vec<(OpRef, OnceLock<Generator<'static>>)>> = LazyLock::new(|| {
    let documented = SET.operations().filter(|(_, operation)| operation.is_documented());
    documented.map(|(at, _)| (at, OnceLock::new())).collect()
});

fn generator(at: OpRef) -> &'static Generator<'static> {
    let (_, made) = GENERATORS.iter().find(|(known, _)| *known == at).expect("it is documented");
    made.get_or_init(|| Generator::new(&SET, &[at], "races", Options::default()))
}

fn find(id: &str) -> OpRef {
    SET.find(id).expect("it is specified")
}

fn wanted(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn around() -> Surroundings {
    Surroundings {
        givens: Givens::defaults(&SET),
        run: "races".into(),
        patience_ms: PATIENCE_MS,
        linger_ms: 100,
        clean: true,
        pace: Default::default(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn policy(at: OpRef, settle_ms: u64, exclusive: bool) -> Policy {
    let mut policy = Policy::new(&SET, settle_ms);
    policy.exclusive = exclusive;
    let operation = SET.operation(at);
    if operation.edition.is_some() {
        policy.edition(&SET, &operation.id).expect("it is an edition");
    }
    policy
}

/// Executes a script on a fresh mock.
fn executed(script: &Script, policy: Policy, name: &str) -> History {
    let endpoint = InProcess::new(Mock::new(SET.clone(), policy));
    runtime().block_on(execute(&SET, script, &endpoint, &around(), name))
}

// Scripts and execution.

#[test]
fn every_document_has_races_for_its_laws() {
    for (at, _) in GENERATORS.iter() {
        let operation = SET.operation(*at);
        let aimed: BTreeSet<usize> =
            generator(*at).planned_races().flat_map(|script| script.aims).map(|(_, requirement)| requirement).collect();
        for (index, requirement) in operation.requirements.iter().enumerate().filter(|(_, one)| one.overlap) {
            assert!(aimed.contains(&index), "no race is aimed at {}", requirement.id);
        }
        assert!(!operation.laws.is_empty(), "{} has no laws of overlapping calls", operation.id);
    }
}

#[test]
fn races_are_written_and_read() {
    for script in generator(find("cvm/DeleteImages")).planned_races() {
        let read = Script::from_json(&SET, &script.to_json(&SET)).expect("it was written");
        assert_eq!(read.commands, script.commands);
        assert!((2..=3).contains(&script.lanes().len()));
    }
}

#[test]
fn what_overlaps_follows_from_the_name_of_the_execution() {
    let script = generator(find("ecs/DeleteImage")).planned_races().next().expect("there are races");
    let at = find("ecs/DeleteImage");
    let histories: Vec<History> =
        (0..20).map(|number| executed(&script, policy(at, SETTLE_MS, true), &number.to_string())).collect();
    assert_eq!(histories[3], executed(&script, policy(at, SETTLE_MS, true), "3"));
    let stamps = |history: &History| history.exchanges.iter().map(|one| one.stamps).collect::<Vec<_>>();
    assert!(histories.iter().any(|other| stamps(other) != stamps(&histories[0])), "chance makes no difference");
    for history in &histories {
        let judged = judge(&SET, &script, history);
        assert!(judged.findings.is_empty(), "{:?}", judged.findings);
        assert_eq!((judged.races.pairs, judged.races.overlapped), (1, 1));
    }
}

/// An endpoint that answers one call at a time lets nothing overlap, and that is what is reported.
#[test]
fn what_did_not_overlap_is_not_exercised() {
    struct OneByOne(InProcess);
    impl Endpoint for OneByOne {
        fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
            self.0.send(call)
        }
        fn now_ms(&self) -> u64 {
            self.0.now_ms()
        }
        fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
            self.0.wait(ms)
        }
        fn name(&self) -> String {
            "one by one".into()
        }
    }
    let at = find("cvm/DeleteImages");
    for script in generator(at).planned_races() {
        let endpoint = OneByOne(InProcess::new(Mock::new(SET.clone(), policy(at, SETTLE_MS, true))));
        let history = runtime().block_on(execute(&SET, &script, &endpoint, &around(), "one"));
        let judged = judge(&SET, &script, &history);
        assert_eq!(judged.races.overlapped, 0);
        assert!(judged.findings.is_empty(), "{:?}", judged.findings);
        let exercised = judged.exercised.iter().filter(|(at, index)| SET.operation(*at).requirements[*index].overlap);
        assert_eq!(exercised.count(), 0);
    }
}

/// Over sockets, calls leave together and meet in the mock: the documented row for overlapping work comes.
#[test]
fn calls_overlap_over_http() {
    let at = find("cvm/DeleteImages");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let front = Front::new(Mock::new(SET.clone(), policy(at, SETTLE_MS, true)), Vec::new());
        let server = Server::start(front, ([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let target = Target {
            url: server.url().parse().expect("a URL"),
            credential: Credential::pair(MAIN),
            restricted: None,
            scheme: SET.service(at).signing[0].clone(),
            placement: signing::find(&SET.service(at).signing[0]).expect("a scheme").preferred_placement(),
            format: Format::Json,
        };
        let targets = BTreeMap::from([(at.service, target)]);
        let http = Http::new(SET.clone(), targets, Duration::from_secs(30)).expect("a client");
        let script = generator(at).planned_races().next().expect("there are races");
        let (mut overlapped, mut excluded) = (0, 0);
        for number in 0..30 {
            let history = execute(&SET, &script, &http, &around(), &number.to_string()).await;
            let judged = judge(&SET, &script, &history);
            assert!(judged.findings.is_empty(), "{:?}", judged.findings);
            overlapped += judged.races.overlapped;
            let row = |(_, index): &&(OpRef, usize)| SET.operation(at).requirements[*index].id.contains("/error/Mutex");
            excluded += judged.exercised.iter().filter(row).count();
        }
        assert!(overlapped >= 25, "only {overlapped} of 30 races overlapped");
        assert!(excluded > 0, "no call was refused for the other");
        server.stop().await;
    });
}

// The mock.

/// Many threads change one image at the same time, and no change is lost.
#[test]
fn the_mock_loses_no_update() {
    let at = find("ecs/DeleteImage");
    let mock = Mock::new(SET.clone(), policy(at, 0, true));
    let ask = |operation: &str, arguments: Value| {
        let at = find(operation);
        let described = SET.operation(at);
        let given = |name: &str| arguments.get(name).cloned();
        let arguments = described.params.iter().map(|param| given(&param.name)).collect();
        mock.answer(&Asked { operation: at, arguments, region: None, caller: Caller::Main }, 1)
    };
    let made = ask("ecs/CreateImage", json!({ "RegionId": "cn-hangzhou", "SnapshotId": "s-1", "ImageName": "a" }));
    let Reply::Success { fields, .. } = made else { panic!("{made:?}") };
    let image = fields["ImageId"].clone();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (ask, image) = (&ask, &image);
            scope.spawn(move || {
                for number in 0..50 {
                    let account = format!("1{thread:02}{number:03}");
                    let share = json!({ "RegionId": "cn-hangzhou", "ImageId": image, "AddAccount": [account] });
                    let reply = ask("ecs/ModifyImageSharePermission", share);
                    assert!(matches!(reply, Reply::Success { .. }), "{reply:?}");
                }
            });
        }
    });
    let read = ask("ecs/DescribeImageSharePermission", json!({ "RegionId": "cn-hangzhou", "ImageId": image }));
    let Reply::Success { fields, .. } = read else { panic!("{read:?}") };
    assert_eq!(fields["Accounts"]["Account"].as_array().map(Vec::len), Some(200));
}

// False alarms.

/// The mock behind a bad line: of a hundred answers five are lost, five are refusals of too many calls, five come late.
struct Disturbed {
    inner: InProcess,
    seed: u64,
    sent: AtomicU64,
}

impl Disturbed {
    fn roll(&self) -> u64 {
        let mut mixed = (self.seed << 32) + self.sent.fetch_add(1, Ordering::Relaxed);
        mixed = (mixed.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 200
    }

    async fn disturbed(&self, call: &Call, among: bool) -> Reply {
        let lost = || {
            Reply::Trouble(Trouble { kind: TroubleKind::Timeout, text: "nothing came".into(), may_have_happened: true })
        };
        let roll = self.roll();
        match roll {
            0..5 => return lost(),
            10..20 => return throttled(call),
            20..25 => self.inner.wait(10 * SETTLE_MS).await,
            _ => {}
        }
        let reply = if among { self.inner.send_among(call).await } else { self.inner.send(call).await };
        match roll {
            5..10 => lost(),
            25..30 => {
                self.inner.wait(10 * SETTLE_MS).await;
                reply
            }
            _ => reply,
        }
    }
}

impl Endpoint for Disturbed {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.disturbed(call, false))
    }
    fn send_among<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.disturbed(call, true))
    }
    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }
    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }
    fn name(&self) -> String {
        "disturbed".into()
    }
}

/// The documented refusal of too many calls.
fn throttled(call: &Call) -> Reply {
    let common = &SET.service(call.operation).common;
    let found = common.iter().find(|common| common.means == Means::Throttled).expect("it is documented");
    let code = match &found.code {
        Code::Exact(exact) => exact.clone(),
        Code::Pattern { before, after } => format!("{before}{after}"),
        Code::Any => unreachable!("it has a code"),
    };
    let (status, message) = (found.status.unwrap_or(200), found.message.clone());
    Reply::Refused { status, code, message, request_id: Some("throttled".into()) }
}

/// Every race, on mocks that answer open questions in any way, work at any pace, and lose answers: nothing is found.
fn no_false_alarm(id: &str) {
    let at = find(id);
    let operation = SET.operation(at);
    let (mut races, mut requests, mut overlapped) = (0_u64, 0_u64, 0_u64);
    for seed in 0..wanted("ASWRITTEN_RACE_SEEDS", SEEDS) {
        let turn = usize::try_from(seed).expect("there are not so many");
        let mut policy = policy(at, PACES_MS[turn % PACES_MS.len()], seed % 3 != 1);
        let mut said = Vec::new();
        for (index, question) in operation.questions.iter().enumerate().filter(|_| seed > 0) {
            let choice = (turn / (index + 1) + index) % question.answers.len();
            let answer = format!("{}={}", operation.requirements[question.requirement].id, question.answers[choice].id);
            policy.answer(&SET, &answer).expect("it is one of its answers");
            said.push(answer);
        }
        let generator = generator(at).again(&format!("seed {seed}"), Options::default());
        let first = generator.n_tours();
        let scripts = (first..).filter_map(|number| generator.case(number)).filter(|script| !script.race().is_empty());
        let rounds = generator.planned_races().count() * 2;
        let inner = InProcess::new(Mock::new(SET.clone(), policy.clone()));
        let endpoint: Box<dyn Endpoint> = match seed % 2 {
            0 => Box::new(inner),
            _ => Box::new(Disturbed { inner, seed, sent: AtomicU64::new(0) }),
        };
        let runtime = runtime();
        for (number, script) in scripts.take(rounds).enumerate() {
            let name = format!("{seed}-{number}");
            let history = runtime.block_on(execute(&SET, &script, endpoint.as_ref(), &around(), &name));
            let judged = judge(&SET, &script, &history);
            assert!(
                judged.findings.is_empty(),
                "seed {seed}, {} ms, {}:\n{:#?}\n{}",
                policy.settle_ms,
                said.join(", "),
                judged.findings,
                told(&script, &history)
            );
            races += 1;
            requests += history.exchanges.len() as u64;
            overlapped += judged.races.overlapped;
        }
    }
    println!("{id}: {races} races, {requests} requests, {overlapped} overlapping pairs");
    assert!(overlapped > races / 2);
}

/// What was sent and answered, in a line each.
fn told(script: &Script, history: &History) -> String {
    let line = |exchange: &Exchange| {
        let command = &script.commands[exchange.command];
        let stamps = exchange.stamps;
        format!(
            "{:?} {} [{} {}] {} -> {}",
            command.lane,
            exchange.command + 1,
            stamps.start,
            stamps.end,
            aswritten::sequence::command::line(&SET, command),
            exchange.reply.brief()
        )
    };
    history.exchanges.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn races_of_ecs_are_no_departures() {
    no_false_alarm("ecs/DeleteImage");
}
#[test]
fn races_of_ecs_legacy_are_no_departures() {
    no_false_alarm("ecs/DeleteImage@legacy");
}
#[test]
fn races_of_ens_are_no_departures() {
    no_false_alarm("ens/DeleteImage");
}
#[test]
fn races_of_swas_are_no_departures() {
    no_false_alarm("swas/DeleteCustomImages");
}
#[test]
fn races_of_cvm_are_no_departures() {
    no_false_alarm("cvm/DeleteImages");
}

// Judging, against brute force.

/// The race of a script with other answers and other times.
#[derive(Debug, Clone)]
struct Twisted {
    id: &'static str,
    race: prop::sample::Index,
    schedule: u32,
    /// For each call: start, length, and whose answer it has.
    calls: Vec<(u8, u8, Option<prop::sample::Index>)>,
}

fn twisted() -> impl Strategy<Value = Twisted> {
    let ids = prop::sample::select(vec!["ecs/DeleteImage", "ens/DeleteImage", "swas/DeleteCustomImages"]);
    let call = (0_u8..20, 1_u8..20, prop::option::weighted(0.3, any::<prop::sample::Index>()));
    (ids, any::<prop::sample::Index>(), 0_u32..40, prop::collection::vec(call, 8))
        .prop_map(|(id, race, schedule, calls)| Twisted { id, race, schedule, calls })
}

/// One history for each order that the stamps allow, with its calls one after the other.
fn sequences(script: &Script, history: &History) -> Vec<(Script, History)> {
    let race = script.race();
    let racing: Vec<&Exchange> = history.exchanges.iter().filter(|one| race.contains(&one.command)).collect();
    let mut found = Vec::new();
    let mut order: Vec<usize> = (0..racing.len()).collect();
    permutations(&mut order, 0, &mut |order| {
        let in_time = order.iter().enumerate().all(|(place, one)| {
            order[place + 1..].iter().all(|later| !racing[*later].stamps.precedes(&racing[*one].stamps))
        });
        if !in_time {
            return;
        }
        let mut plain = script.clone();
        plain.commands.iter_mut().for_each(|command| command.lane = None);
        let before = history.exchanges.iter().filter(|one| one.command < race.start).cloned();
        let after = history.exchanges.iter().filter(|one| one.command >= race.end).cloned();
        let within = order.iter().map(|index| racing[*index].clone());
        let exchanges = before.chain(within).chain(after).collect();
        found.push((plain, History { exchanges, ..history.clone() }));
    });
    found
}

fn permutations(order: &mut Vec<usize>, from: usize, visit: &mut dyn FnMut(&[usize])) {
    if from == order.len() {
        visit(order);
        return;
    }
    for index in from..order.len() {
        order.swap(from, index);
        permutations(order, from + 1, visit);
        order.swap(from, index);
    }
}

/// The history of a race, twisted.
fn twist(script: &Script, history: &mut History, calls: &[(u8, u8, Option<prop::sample::Index>)]) {
    let race = script.race();
    let at: Vec<usize> =
        (0..history.exchanges.len()).filter(|index| race.contains(&history.exchanges[*index].command)).collect();
    let replies: Vec<Reply> = at.iter().map(|index| history.exchanges[*index].reply.clone()).collect();
    let mut lanes: BTreeMap<u8, u64> = BTreeMap::new();
    for (place, index) in at.iter().enumerate() {
        let (start, length, other) = &calls[place % calls.len()];
        let exchange = &mut history.exchanges[*index];
        // Calls of one lane come one after the other.
        let lane = script.commands[exchange.command].lane.unwrap_or(0);
        let from = lanes.get(&lane).copied().unwrap_or(1_000) + u64::from(*start);
        exchange.stamps = Stamps { start: from, end: from + u64::from(*length) };
        lanes.insert(lane, exchange.stamps.end + 1);
        // Answers of calls of one operation may be mixed up.
        let operation = script.commands[exchange.command].operation;
        let alike: Vec<&Reply> = at
            .iter()
            .zip(&replies)
            .filter(|(one, _)| script.commands[history.exchanges[**one].command].operation == operation)
            .map(|(_, reply)| reply)
            .collect();
        if let Some(other) = other {
            history.exchanges[*index].reply = alike[other.index(alike.len())].clone();
        }
    }
}

#[test]
fn judging_agrees_with_brute_force() {
    let cases = u32::try_from(wanted("ASWRITTEN_BRUTE", 400)).expect("there are not so many");
    let scripts: BTreeMap<&str, Vec<Script>> = ["ecs/DeleteImage", "ens/DeleteImage", "swas/DeleteCustomImages"]
        .into_iter()
        .map(|id| (id, generator(find(id)).planned_races().collect()))
        .collect();
    let tally = Mutex::new([0_u32; 2]);
    proptest!(Config { cases, failure_persistence: None, ..Config::default() }, |(twisted in twisted())| {
        let at = find(twisted.id);
        let script = twisted.race.get(&scripts[twisted.id]);
        let mut history = executed(script, policy(at, SETTLE_MS, true), &twisted.schedule.to_string());
        twist(script, &mut history, &twisted.calls);
        let judged = judge(&SET, script, &history);
        let explained =
            sequences(script, &history).iter().any(|(script, history)| judge(&SET, script, history).findings.is_empty());
        prop_assert_eq!(judged.findings.is_empty(), explained, "{:?}\n{}", judged.findings, told(script, &history));
        tally.lock().expect("nobody panics")[usize::from(explained)] += 1;
    });
    let [broken, explained] = tally.into_inner().expect("nobody panics");
    println!("{explained} histories have an explaining order, {broken} have none");
    assert!(explained > cases / 10 && broken > cases / 20, "{explained} explained, {broken} not");
}

/// A dozen calls on one resource are judged in well under a second.
#[test]
fn a_dozen_calls_are_judged_at_once() {
    let (script, history) = crowd("ecs/DeleteImage", 12);
    let began = Instant::now();
    let judged = judge(&SET, &script, &history);
    assert!(judged.findings.is_empty() && judged.reasons.is_empty(), "{:?} {:?}", judged.findings, judged.reasons);
    assert_eq!(judged.races.overlapped, 66);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// When there are too many orders, nothing is claimed.
#[test]
fn too_many_orders_are_no_verdict() {
    let (script, history) = crowd("ecs/DeleteImage", 70);
    let judged = judge(&SET, &script, &history);
    assert!(judged.findings.is_empty());
    assert!(judged.reasons.iter().any(|reason| reason.text.contains("too many orders")), "{:?}", judged.reasons);
    assert!(!judged.exercised.iter().any(|(at, index)| SET.operation(*at).requirements[*index].overlap));
}

/// So many deletions of one image that all overlap, in lanes of their own.
fn crowd(id: &str, n_calls: u8) -> (Script, History) {
    let at = find(id);
    let pair = generator(at).planned_races().next().expect("there are races");
    let race = pair.race();
    let call = pair.commands[race.start].clone();
    let mut commands = pair.commands[..race.start].to_vec();
    commands.extend((0..n_calls).map(|lane| Command { lane: Some(lane + 1), ..call.clone() }));
    commands.extend_from_slice(&pair.commands[race.end..]);
    let script = Script { commands, aims: Vec::new() };
    let history = executed(&script, policy(at, SETTLE_MS, true), "crowd");
    (script, history)
}

// Histories with known verdicts.

/// A race of the cloud that answers as said: two deletes of a free image, and what reads show afterwards.
fn told_so(id: &str, answers: [&str; 2], stamps: [(u64, u64); 2], shown: bool) -> Judged {
    let at = find(id);
    let operation = SET.operation(at);
    let script = generator(at).planned_races().next().expect("two calls on one resource come first");
    let mut history = executed(&script, policy(at, SETTLE_MS, false), "told");
    let race = script.race();
    let read = history.exchanges.iter().rfind(|one| one.command < race.start).expect("it was read").reply.clone();
    let racing: Vec<usize> =
        (0..history.exchanges.len()).filter(|index| race.contains(&history.exchanges[*index].command)).collect();
    for (index, (answer, (start, end))) in racing.into_iter().zip(answers.into_iter().zip(stamps)) {
        let exchange = &mut history.exchanges[index];
        exchange.stamps = Stamps { start: 1_000 + start, end: 1_000 + end };
        let mut fields = Map::new();
        for field in operation.fields.iter().filter(|field| !field.optional) {
            fields.insert(field.name.clone(), field.value.clone().unwrap_or_else(|| format!("id-{start}").into()));
        }
        exchange.reply = match answer {
            "success" => Reply::Success { status: 200, fields },
            "lost" => Reply::Trouble(Trouble {
                kind: TroubleKind::Timeout,
                text: "nothing came".into(),
                may_have_happened: true,
            }),
            code => {
                let row = operation.rows.iter().find(|row| row.codes.contains(&Code::Exact(code.into())));
                let status = row.and_then(|row| row.status).unwrap_or(200);
                Reply::Refused {
                    status,
                    code: code.into(),
                    message: String::new(),
                    request_id: Some(format!("r{start}")),
                }
            }
        };
    }
    if shown {
        for exchange in history.exchanges.iter_mut().filter(|one| one.command >= race.end) {
            exchange.reply = read.clone();
        }
        // Reads went on as long as patience lasts.
        let mut last = history.exchanges.last().expect("there are reads").clone();
        (last.started_ms, last.ended_ms) = (last.started_ms + 2 * PATIENCE_MS, last.ended_ms + 2 * PATIENCE_MS);
        history.exchanges.push(last);
    }
    judge(&SET, &script, &history)
}

#[test]
fn histories_of_two_deletes() {
    let together = [(0, 3), (1, 2)];
    let apart = [(0, 1), (2, 3)];
    let (none, stays, seen) = ("", "cvm/DeleteImages/overlap/stays", "cvm/DeleteImages/overlap/seen");
    let mutex = "MutexOperation.TaskRunning";
    let cases = [
        (["success", "success"], together, false, none),
        (["success", mutex], together, false, none),
        ([mutex, "success"], together, false, none),
        // Who was refused has done nothing.
        ([mutex, mutex], together, true, none),
        ([mutex, mutex], together, false, stays),
        (["success", mutex], together, true, seen),
        // One may have been lost, and is then to blame for nothing.
        (["lost", mutex], together, false, none),
        (["lost", mutex], together, true, none),
        (["lost", mutex], apart, true, none),
        // Nothing was under way any more, or nothing had begun.
        ([mutex, "success"], apart, false, "cvm/DeleteImages/overlap/exclusive"),
        // What is on its way out may be refused with any code.
        (["success", "InvalidImageId.NotFound"], together, false, none),
        (["InvalidImageId.NotFound", "success"], apart, false, "cvm/DeleteImages/success"),
        (["InvalidImageId.InShared", "InvalidImageId.InShared"], together, true, "cvm/DeleteImages/success"),
    ];
    for (answers, stamps, shown, expected) in cases {
        let judged = told_so("cvm/DeleteImages", answers, stamps, shown);
        let blamed = judged.findings.first().map(|finding| {
            let (at, index) = finding.requirement;
            SET.operation(at).requirements[index].id.as_str()
        });
        assert_eq!(blamed.unwrap_or(""), expected, "{answers:?} {stamps:?} {shown}: {judged:#?}");
        let row = |(at, index): &(OpRef, usize)| SET.operation(*at).requirements[*index].id.ends_with("TaskRunning");
        let excluded = judged.exercised.iter().any(row);
        assert_eq!(excluded, answers.contains(&mutex) && stamps == together, "{answers:?} {stamps:?} {shown}");
    }
}

// Mutants.

fn mutants(ids: &[&str]) -> Vec<Mutant> {
    let all = mutant::derive(&SET);
    let find = |id: &&str| all.iter().find(|mutant| mutant.id == *id).unwrap_or_else(|| panic!("no mutant is {id}"));
    ids.iter().map(|id| find(id).clone()).collect()
}

#[test]
fn racing_mutants_are_killed_with_every_seed() {
    let seeds: Vec<String> =
        (1..=wanted("ASWRITTEN_RACE_MUTANT_SEEDS", MUTANT_SEEDS)).map(|seed| seed.to_string()).collect();
    let settings = Hunt {
        seeds: seeds.clone(),
        cases: None,
        max_requests: None,
        workers: 2,
        prove: false,
        shortest: false,
        interrupted: Arc::default(),
    };
    let chosen = mutants(KILLED);
    assert!(chosen.iter().all(Mutant::is_of_overlap));
    let table = hunt(&SET, &chosen, &settings, &|_| {}).expect("threads");
    for result in &table.results {
        assert_eq!(result.kills().count(), seeds.len(), "{} is not killed with every seed", result.mutant.id);
    }
}

/// A race is shrunk to two lanes of one or two commands, and its report says which orders were tried.
#[test]
fn races_are_shrunk() {
    let at = find("cvm/DeleteImages");
    let (mut small, mut all) = (0, 0);
    for id in ["check-then-act/deletion", "lost-update/state", "leave-to-other/shared", "exclude-all/elsewhere"] {
        let mutant = &mutants(&[&format!("cvm/DeleteImages/{id}")])[0];
        let mock = Mock::new(SET.clone(), policy(at, SETTLE_MS, true)).with(mutant.plant(&SET));
        let outcome = campaign(at, Arc::new(InProcess::new(mock)));
        assert_eq!(outcome.verdict, Verdict::Violates, "{id}");
        for result in outcome.findings.iter().filter(|result| result.counts) {
            assert!(!result.script.race().is_empty(), "{id}: {} takes no race", result.finding.key);
            assert!(!result.finding.orders.is_empty(), "{id}: no order was tried for {}", result.finding.key);
            assert!(result.again.times >= 10, "{id}: nobody has seen how often {} shows", result.finding.key);
            all += 1;
            small += usize::from(is_small(result));
        }
    }
    println!("{small} of {all} findings have at most two lanes of two commands");
    assert!(small * 10 >= all * 9, "{small} of {all}");
}

fn is_small(result: &FindingResult) -> bool {
    let lanes = result.script.lanes();
    lanes.len() <= 2 && lanes.iter().all(|lane| lane.len() <= 2)
}

fn campaign(at: OpRef, endpoint: Arc<dyn Endpoint>) -> Outcome {
    let generator = generator(at);
    let settings = Settings {
        seed: "races".into(),
        operations: vec![(at, 0)],
        cases: Some(generator.n_tours() + 2 * generator.n_races()),
        workers: 1,
        max_requests: None,
        max_time: None,
        shrink_requests: 250,
        stop_at_first: false,
        around: around(),
        options: Options::default(),
        interrupted: Arc::default(),
    };
    runtime().block_on(run_planned(&SET, &settings, generator, &[endpoint], &|_| {}))
}

#[test]
fn laws_have_names() {
    let names: BTreeSet<&str> = Law::ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), Law::ALL.len());
}
