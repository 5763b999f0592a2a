//! Nothing that may change something reaches the wire, unless it names the run's own only. The generator here is hostile.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use aswritten::{
    endpoint::{Call, Endpoint, Sent, in_process::InProcess, limits::Limits},
    execute::Givens,
    generate::{Generator, Options},
    guard::{Budget, Guarded, Ledger, LedgerError, Probes, Rules, Sink, record::About, sweep},
    history::Reply,
    mock::{Mock, Policy},
    model::Caller,
    spec::{self, Operation, SpecSet, operation::ParamType, service::OpRef},
    value::Arguments,
};
use serde_json::{Value, json};

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));
const RUN: &str = "aw0badcafe";

/// The mock, and every call that it got.
struct Wire {
    inner: InProcess,
    calls: Mutex<Vec<Call>>,
    /// Requests that come so early are throttled: a service and how many are left.
    busy: Mutex<u32>,
}

impl Wire {
    fn new() -> Arc<Self> {
        let mock = Mock::new(SET.clone(), Policy::new(&SET, 0));
        Arc::new(Self { inner: InProcess::new(mock), calls: Mutex::default(), busy: Mutex::new(0) })
    }

    fn taken(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().expect("a lock"))
    }
}

impl Endpoint for Wire {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        self.calls.lock().expect("a lock").push(call.clone());
        let mut busy = self.busy.lock().expect("a lock");
        if *busy > 0 {
            *busy -= 1;
            let service = SET.service(call.operation);
            let throttled = service.common.iter().find(|common| common.means == spec::service::Means::Throttled);
            let code = throttled.expect("it is documented").text.trim_end_matches('*').to_owned();
            let reply = Reply::Refused { status: 400, code, message: String::new(), request_id: None };
            return Box::pin(std::future::ready(reply));
        }
        self.inner.send(call)
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        "wire".into()
    }
}

/// Takes so many lines, then the disk is full: the last one is cut in the middle.
struct Disk {
    left: usize,
    lines: Arc<Mutex<Vec<u8>>>,
}

impl Sink for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut lines = self.lines.lock().expect("a lock");
        if self.left == 0 {
            lines.extend(&bytes[..bytes.len() / 2]);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.left -= 1;
        lines.extend(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    wire: Arc<Wire>,
    guard: Guarded,
    lines: Arc<Mutex<Vec<u8>>>,
    stop: Arc<AtomicBool>,
}

fn rules(probes: Probes) -> Rules {
    let budget = Budget { paid: true, paid_at_once: usize::MAX, ..Budget::default() };
    Rules { givens: Givens::defaults(&SET), probes, budget, patience_ms: 10_000 }
}

fn bench(rules: Rules, lines: usize) -> Bench {
    bench_at(Wire::new(), rules, lines)
}

fn bench_at(wire: Arc<Wire>, rules: Rules, left: usize) -> Bench {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Disk { left, lines: lines.clone() };
    let about = About { run: RUN.into(), ..About::default() };
    let ledger = Ledger::with_sink(PathBuf::from("memory"), Box::new(sink), about).expect("a ledger");
    let stop = Arc::new(AtomicBool::new(false));
    let guard = Guarded::new(SET.clone(), wire.clone(), rules, Limits::default(), Arc::new(ledger), stop.clone());
    Bench { wire, guard, lines, stop }
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn find(id: &str) -> OpRef {
    SET.find(id).expect("it is specified")
}

/// A call by names of parameters.
fn call(id: &str, arguments: &Value) -> Call {
    let at = find(id);
    let params = &SET.operation(at).params;
    let arguments = params.iter().map(|param| arguments.get(&param.name).cloned()).collect();
    Call { operation: at, arguments, region: Some("ap-guangzhou".into()), caller: Caller::Main }
}

/// An image that the run makes.
fn create(id: &str) -> Call {
    create_as(id, RUN)
}

fn create_as(id: &str, owner: &str) -> Call {
    let tag = json!([{ "Key": "aswritten", "Value": owner }]);
    let name = format!("{owner}-1-1");
    match id.split('/').next() {
        Some("ecs") => call(
            id,
            &json!({ "RegionId": "cn-hangzhou", "SnapshotId": "s-bp1aswritten0000000g", "ImageName": name, "Tag": tag }),
        ),
        Some("cvm") => {
            call(id, &json!({ "Region": "ap-guangzhou", "SnapshotIds": ["snap-aswrittn"], "ImageName": name }))
        }
        _ => call(id, &json!({ "SnapshotId": "s-5aswritten0000000000000000", "ImageName": name })),
    }
}

fn made(reply: &Reply) -> String {
    let Reply::Success { fields, .. } = reply else { panic!("it is made: {reply:?}") };
    fields["ImageId"].as_str().expect("an id").to_owned()
}

/// Somebody else's image, made past the guard.
fn foreign(wire: &Wire, id: &str) -> String {
    made(&block(wire.inner.send(&create_as(id, "web-frontend"))))
}

/// A call that changes nothing, by its document.
fn is_read(operation: &Operation) -> bool {
    !operation.is_documented() && operation.effects.is_empty()
}

/// All that travels of a call, with escapes of JSON and of URLs undone, in small letters.
fn flat(call: &Call) -> String {
    let mut text = serde_json::to_string(&*call.arguments).expect("JSON").to_lowercase();
    for _ in 0..4 {
        text = text.replace("\\\\", "\\").replace("\\\"", "\"").replace("\\u002d", "-").replace("%2d", "-");
    }
    text
}

/// Every way to spell an id that a lenient service might understand, alone and together with one of the run's own.
fn spellings(id: &str, own: &str) -> Vec<Value> {
    let escaped = id.replace('-', "\\u002d");
    let doubly = serde_json::to_string(&format!("[\"{escaped}\"]")).expect("JSON");
    let mut all = vec![
        json!(id),
        json!(id.to_uppercase()),
        json!(format!(" {id} ")),
        json!(format!("\t{id}\n")),
        json!(format!("{id},")),
        json!(format!("{own},{id}")),
        json!(format!("{id};{own}")),
        json!(format!("{own} {id}")),
        json!(format!("{own}|{id}")),
        json!([id]),
        json!([own, id]),
        json!([[own, [id]]]),
        json!({ "Id": id }),
        json!({ id: own }),
        json!([{ "ImageId": own, "Other": { "ImageId": id } }]),
        json!(format!("[\"{id}\"]")),
        json!(format!("[\"{own}\",\"{id}\"]")),
        json!(format!("[\"{escaped}\"]")),
        json!(format!("['{own}', '{id}']")),
        json!(doubly),
        json!(id.replace('-', "%2D")),
        json!(format!("{}*", &id[..id.len() - 3])),
        json!(format!("{}?", &id[..id.len() - 1])),
        json!("*"),
        json!("%"),
        json!(vec![id; 101]),
    ];
    let many: Vec<&str> = std::iter::repeat_n(own, 14).chain([id]).collect();
    all.push(json!(many));
    all
}

/// The value in the shape in which the parameter wants it, besides as it is.
fn shaped(kind: ParamType, value: &Value) -> Vec<Value> {
    match (kind, value) {
        (ParamType::Texts, Value::String(_)) => vec![value.clone(), json!([value])],
        (ParamType::Objects, _) => vec![value.clone(), json!([{ "Key": "aswritten", "Value": value }])],
        _ => vec![value.clone()],
    }
}

#[test]
fn a_hostile_generator_gets_nothing_changing_onto_the_wire() {
    let mut n_tried = 0;
    let mut n_passed = 0;
    for maker in ["ecs/CreateImage", "ens/CreateImage", "cvm/CreateImage"] {
        let bench = bench(rules(Probes::DryRun), usize::MAX);
        let own = made(&block(bench.guard.send(&create(maker))));
        let service = find(maker).service;
        let probes = SET.services[service].givens.iter().filter(|given| given.probe);
        let mut victims: Vec<String> = probes.map(|given| given.default.clone()).collect();
        victims.extend([foreign(&bench.wire, maker), foreign(&bench.wire, maker)]);
        bench.wire.taken();
        let operations = SET.operations().filter(|(at, _)| at.service == service);
        for (at, operation) in operations {
            for victim in &victims {
                for (index, param) in operation.params.iter().enumerate() {
                    for spelled in spellings(victim, &own).iter().flat_map(|value| shaped(param.kind, value)) {
                        for caller in [Caller::Main, Caller::Restricted, Caller::Unsigned] {
                            let mut arguments = plain(operation, &own);
                            arguments[index] = Some(spelled.clone());
                            let call = Call { operation: at, arguments, region: Some("cn-hangzhou".into()), caller };
                            let reply = block(bench.guard.send(&call));
                            n_tried += 1;
                            for sent in bench.wire.taken() {
                                n_passed += 1;
                                check(&sent, &victims, &reply);
                            }
                        }
                    }
                }
            }
        }
    }
    // It would prove nothing if nothing were tried, or if reads did not pass.
    assert!(n_tried > 20_000 && n_passed > 5_000, "{n_tried} tried, {n_passed} passed");
}

/// What reached the wire names nobody's things, unless it only reads.
fn check(sent: &Call, victims: &[String], reply: &Reply) {
    let operation = SET.operation(sent.operation);
    if is_read(operation) {
        return;
    }
    let text = flat(sent);
    // What stands for many is as bad as a name.
    for victim in victims {
        let victim = victim.to_lowercase();
        let parts = [victim.clone(), format!("{}*", &victim[..victim.len() - 3])];
        for part in parts {
            assert!(!text.contains(&part), "{} names {part}: {text}\n{reply:?}", operation.id);
        }
    }
    assert!(!text.contains("\"*\"") && !text.contains("\"%\""), "{}: {text}", operation.id);
}

/// Arguments that are as a run has them.
fn plain(operation: &Operation, own: &str) -> Arguments {
    let fill = |text: &str| match text {
        "$name" => Some(format!("{RUN}-1-2")),
        "$run" => Some(RUN.to_owned()),
        text => {
            let name = text.strip_prefix("$given.")?;
            let mut givens = SET.services.iter().flat_map(|service| &service.givens);
            givens.find(|given| given.name == name).map(|given| given.default.clone())
        }
    };
    let mut fill_in = |text: &str| fill(text).or_else(|| Some(own.to_owned()));
    operation
        .params
        .iter()
        .map(|param| match (&param.value, param.binding) {
            (Some(value), _) => aswritten::sequence::command::fill(value, &mut fill_in),
            (None, Some(_)) if param.kind == ParamType::Texts => Some(json!([own])),
            (None, Some(_)) => Some(json!(own)),
            (None, None) if param.region => Some(json!("cn-hangzhou")),
            (None, None) => None,
        })
        .collect()
}

#[test]
fn what_the_run_made_may_be_changed() {
    let bench = bench(rules(Probes::DryRun), usize::MAX);
    let own = made(&block(bench.guard.send(&create("ecs/CreateImage"))));
    for arguments in [
        json!({ "RegionId": "cn-hangzhou", "ImageId": own }),
        json!({ "RegionId": "cn-beijing", "ImageId": own }),
        json!({ "RegionId": "aswritten-nowhere", "ImageId": own, "Force": "maybe" }),
    ] {
        let reply = block(bench.guard.send(&call("ecs/DeleteImage", &arguments)));
        assert!(!matches!(reply, Reply::NotSent { .. }), "{arguments}: {reply:?}");
    }
}

#[test]
fn made_up_ids_are_looked_up_first() {
    let bench = bench(rules(Probes::DryRun), usize::MAX);
    let unknown = "m-bp1aaaaaaaaaaaaaaaaa";
    let delete = call("ecs/DeleteImage", &json!({ "RegionId": "cn-hangzhou", "ImageId": unknown }));
    block(bench.guard.send(&delete));
    let names = |calls: Vec<Call>| -> Vec<String> {
        calls.iter().map(|call| SET.operation(call.operation).name.clone()).collect()
    };
    assert_eq!(names(bench.wire.taken()), ["DescribeImages", "DescribeImages", "DeleteImage"], "in both regions");
    block(bench.guard.send(&delete));
    assert_eq!(names(bench.wire.taken()), ["DeleteImage"], "once is enough");
    assert_eq!(bench.guard.usage().lookups, 2);
}

#[test]
fn others_are_named_in_dry_runs_where_that_is_allowed() {
    let cases = [
        (Probes::DryRun, json!(true), true),
        (Probes::DryRun, json!("true"), false),
        (Probes::DryRun, json!(false), false),
        (Probes::DryRun, Value::Null, false),
        (Probes::Off, json!(true), false),
        (Probes::Free, Value::Null, true),
    ];
    for (probes, dry, passes) in cases {
        let bench = bench(rules(probes), usize::MAX);
        let mut arguments = json!({ "RegionId": "cn-hangzhou", "ImageId": "m-bp1aswritten0foreign" });
        if !dry.is_null() {
            arguments["DryRun"] = dry.clone();
        }
        let reply = block(bench.guard.send(&call("ecs/DeleteImage", &arguments)));
        assert_eq!(!matches!(reply, Reply::NotSent { .. }), passes, "{probes:?} {dry}: {reply:?}");
        // Another's image that nobody declared is never named, dry run or not.
        let other = foreign(&bench.wire, "ecs/CreateImage");
        let arguments = json!({ "RegionId": "cn-hangzhou", "ImageId": other, "DryRun": true });
        let reply = block(bench.guard.send(&call("ecs/DeleteImage", &arguments)));
        assert!(matches!(reply, Reply::NotSent { .. }), "{reply:?}");
    }
}

#[test]
fn what_would_not_carry_the_name_of_the_run_is_not_created() {
    let bench = bench(rules(Probes::DryRun), usize::MAX);
    let stray = call(
        "ecs/CreateImage",
        &json!({ "RegionId": "cn-hangzhou", "SnapshotId": "s-bp1aswritten0000000g", "ImageName": "" }),
    );
    let many = call(
        "ecs/RunInstances",
        &json!({ "RegionId": "cn-hangzhou", "InstanceName": format!("{RUN}-1-1"), "Amount": 100 }),
    );
    for call in [stray, many] {
        let reply = block(bench.guard.send(&call));
        assert!(matches!(reply, Reply::NotSent { .. }), "{reply:?}");
        assert!(bench.wire.taken().is_empty());
    }
}

#[test]
fn nothing_is_created_that_cannot_be_recorded() {
    for lines in 1..12 {
        let bench = bench(rules(Probes::DryRun), lines);
        let replies: Vec<Reply> = (0..8).map(|_| block(bench.guard.send(&create("ecs/CreateImage")))).collect();
        let text = String::from_utf8(bench.lines.lock().expect("a lock").clone()).expect("UTF-8");
        let record = aswritten::guard::record::Record::read(&text).expect("a ledger");
        let sent = bench.wire.taken().len();
        assert_eq!(record.entries.len(), sent, "after {lines} lines: {text}");
        assert!(sent < replies.len() && bench.stop.load(Ordering::Relaxed), "after {lines} lines the disk is full");
        let held = replies.iter().filter(|reply| matches!(reply, Reply::NotSent { .. })).count();
        assert_eq!(held, replies.len() - sent);
    }
}

#[test]
fn budgets_hold() {
    let mut rules = rules(Probes::DryRun);
    rules.budget.at_once.insert("image".into(), 2);
    rules.budget.requests = Some(6);
    let bench = bench(rules, usize::MAX);
    let create_one = || block(bench.guard.send(&create("ecs/CreateImage")));
    let first = made(&create_one());
    made(&create_one());
    assert!(matches!(create_one(), Reply::NotSent { .. }), "two are enough");
    let delete = call("ecs/DeleteImage", &json!({ "RegionId": "cn-hangzhou", "ImageId": first }));
    assert!(matches!(block(bench.guard.send(&delete)), Reply::Success { .. }));
    made(&create_one());
    for _ in 0..4 {
        block(bench.guard.send(&delete));
    }
    let Reply::NotSent { reason } = create_one() else { panic!("the budget is spent") };
    assert!(reason.contains("2 of kind image") || reason.contains("6 requests"), "{reason}");
    let usage = bench.guard.usage();
    assert_eq!((usage.created["ecs/image"], usage.most_at_once["ecs/image"]), (3, 2));
}

#[test]
fn money_is_spent_by_consent_only() {
    let mut rules = rules(Probes::DryRun);
    rules.budget.paid = false;
    let bench = bench(rules, usize::MAX);
    let own = made(&block(bench.guard.send(&create("ecs/CreateImage"))));
    let at = find("ecs/RunInstances");
    let arguments = plain(SET.operation(at), &own);
    let start = Call { operation: at, arguments, region: None, caller: Caller::Main };
    let Reply::NotSent { reason } = block(bench.guard.send(&start)) else { panic!("nobody agreed") };
    assert!(reason.contains("costs money"), "{reason}");
}

#[test]
fn nothing_is_taken_along() {
    let bench = bench(rules(Probes::DryRun), usize::MAX);
    let own = made(&block(bench.guard.send(&create("cvm/CreateImage"))));
    let send = |value: Value| {
        let arguments = json!({ "Region": "ap-guangzhou", "ImageIds": [own], "DeleteBindedSnap": value });
        block(bench.guard.send(&call("cvm/DeleteImages", &arguments)))
    };
    for value in [json!(true), json!("True"), json!("maybe")] {
        let Reply::NotSent { reason } = send(value) else { panic!("the snapshot is the account's own") };
        assert!(reason.contains("with `DeleteBindedSnap`"), "{reason}");
    }
    assert!(!matches!(send(json!(false)), Reply::NotSent { .. }));
    // Nobody makes such a call in the first place.
    let at = find("cvm/DeleteImages");
    let switch = SET.operation(at).param("DeleteBindedSnap").expect("it is a parameter");
    let generator = Generator::new(&SET, &[at], "1", Options::default());
    let scripts = (0..400).filter_map(|number| generator.case(number));
    let calls = scripts.flat_map(|script| script.commands).filter(|command| command.operation == at);
    let asked = calls.filter(|call| call.arguments[switch].as_ref().is_some_and(|value| *value != false));
    assert_eq!(asked.count(), 0);
}

#[test]
fn throttled_calls_are_repeated_and_counted() {
    let bench = bench(rules(Probes::DryRun), usize::MAX);
    *bench.wire.busy.lock().expect("a lock") = 3;
    let reply = block(bench.guard.patiently(&create("ecs/CreateImage")));
    made(&reply);
    assert_eq!(bench.wire.taken().len(), 4);
    assert_eq!(bench.guard.usage().throttled, 3);
    assert!(bench.guard.usage().waited_ms > 0, "it held back");
}

#[test]
fn a_sweep_removes_what_uses_others_first_and_proves_it() {
    let bench = bench(rules(Probes::DryRun), usize::MAX);
    let theirs = foreign(&bench.wire, "ecs/CreateImage");
    let own = made(&block(bench.guard.send(&create("ecs/CreateImage"))));
    let wait = call("ecs/DescribeImages", &json!({ "RegionId": "cn-hangzhou", "ImageId": own, "Status": "ALL" }));
    block(bench.guard.send(&wait));
    for (id, more) in [
        ("ecs/RunInstances", json!({})),
        ("ecs/ModifyImageSharePermission", json!({ "AddAccount": ["1234567890123456"] })),
        ("ecs/ExportImage", json!({})),
        ("ecs/ModifyImageSharePermission", json!({ "IsPublic": true })),
    ] {
        let at = find(id);
        let mut arguments = plain(SET.operation(at), &own);
        for (name, value) in more.as_object().expect("an object") {
            arguments[SET.operation(at).param(name).expect("a parameter")] = Some(value.clone());
        }
        let reply = block(bench.guard.send(&Call { operation: at, arguments, region: None, caller: Caller::Main }));
        assert!(matches!(reply, Reply::Success { .. }), "{id}: {reply:?}");
    }
    bench.wire.taken();
    let swept = block(sweep(&SET, &bench.guard, &BTreeSet::from([find("ecs/CreateImage").service]), 10_000, 10));
    assert!(swept.is_clean(), "{swept:?}");
    assert_eq!(swept.gone, 2, "{swept:?}");
    let calls: Vec<String> = bench.wire.taken().iter().map(|call| SET.operation(call.operation).name.clone()).collect();
    let first = |name: &str| calls.iter().position(|call| call == name).unwrap_or_else(|| panic!("{name}: {calls:?}"));
    assert!(first("DeleteInstances") < first("DeleteImage"), "{calls:?}");
    assert!(first("ModifyImageSharePermission") < first("DeleteImage"), "{calls:?}");
    let shown = call("ecs/DescribeImages", &json!({ "RegionId": "cn-hangzhou", "ImageId": theirs, "Status": "ALL" }));
    let Reply::Success { fields, .. } = block(bench.wire.inner.send(&shown)) else { panic!("a read") };
    assert_eq!(fields["TotalCount"], 1, "nobody else's is touched: {fields:?}");
}

#[test]
fn a_sweep_finds_what_was_made_and_never_noted() {
    let wire = Wire::new();
    let about = BTreeMap::from([("ecs", "ecs/CreateImage"), ("ens", "ens/CreateImage"), ("cvm", "cvm/CreateImage")]);
    let stray: Vec<String> = about.values().map(|id| made(&block(wire.inner.send(&create(id))))).collect();
    foreign(&wire, "cvm/CreateImage");
    let bench = bench_at(wire, rules(Probes::DryRun), usize::MAX);
    let services: BTreeSet<usize> = (0..SET.services.len()).collect();
    let swept = block(sweep(&SET, &bench.guard, &services, 10_000, 10));
    assert!(swept.is_clean(), "{swept:?}");
    // Their names are those of the run, whoever made them.
    assert_eq!((swept.found, swept.gone), (stray.len(), stray.len()), "{swept:?}");
}

#[test]
fn a_ledger_is_left_alone_while_its_run_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let about = About { run: RUN.into(), ..About::default() };
    let ledger = Ledger::create(folder.path(), about.clone()).expect("a ledger");
    let path = ledger.path().to_owned();
    assert!(matches!(Ledger::open(&path), Err(LedgerError::Busy { .. })));
    assert!(matches!(Ledger::create(folder.path(), about), Err(LedgerError::Write { .. })), "it is there already");
    let number = ledger.intend("ecs", "image", "cn-hangzhou", "CreateImage", "name").expect("it is written");
    ledger.made(number, "m-1");
    drop(ledger);
    // A run that is killed may leave half a line.
    let text = std::fs::read_to_string(&path).expect("a ledger") + "{\"line\":\"ma";
    std::fs::write(&path, text).expect("a ledger");
    let again = Ledger::open(&path).expect("nobody has it");
    assert!(again.owns("ecs", "m-1") && again.record().damaged == 1);
    let number = again.intend("ecs", "image", "cn-hangzhou", "CreateImage", "other").expect("it is written");
    assert_eq!(number, 2);
    drop(again);
    let again = Ledger::open(&path).expect("nobody has it");
    assert_eq!((again.record().entries.len(), again.record().damaged), (2, 1), "half a line spoils no other");
}
