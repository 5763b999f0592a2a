//! A cloud to practise on: each manner does what it says, tells how often, and none of them breaks a promise.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::{Arc, LazyLock},
};

use aswritten::{
    history::Reply,
    mock::{Manners, Mock, Policy, manners::Manner, service::Asked},
    model::Caller,
    spec::{self, SpecSet, service::OpRef},
};
use serde_json::{Map, Value, json};

use crate::{
    process::{command, ended, run_in},
    served::Served,
};

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));

/// How long work takes on the mocks below.
const SETTLE_MS: u64 = 100;

fn mock(manners: Manners) -> Mock {
    Mock::new(SET.clone(), Policy::new(&SET, SETTLE_MS)).behaving(manners)
}

fn at(id: &str) -> OpRef {
    SET.find(id).expect("it is specified")
}

fn call(mock: &Mock, id: &str, arguments: Value, now_ms: u64) -> Reply {
    let operation = at(id);
    let params = &SET.operation(operation).params;
    let arguments = params.iter().map(|param| arguments.get(&param.name).cloned()).collect();
    mock.answer(Asked { operation, arguments, region: None, caller: Caller::Main }, now_ms)
}

fn fields(reply: Reply) -> Map<String, Value> {
    match reply {
        Reply::Success { fields, .. } => fields,
        other => panic!("{}", other.brief()),
    }
}

fn create(mock: &Mock, now_ms: u64) -> Reply {
    let arguments = json!({ "RegionId": "cn-hangzhou", "SnapshotId": "s-1", "ImageName": "a" });
    call(mock, "ecs/CreateImage", arguments, now_ms)
}

/// Images that a read shows, of the whole account or one of them.
fn images(mock: &Mock, id: Option<&Value>, now_ms: u64) -> Vec<Value> {
    let mut arguments = json!({ "RegionId": "cn-hangzhou", "Status": "ALL" });
    if let Some(id) = id {
        arguments["ImageId"] = id.clone();
    }
    let fields = fields(call(mock, "ecs/DescribeImages", arguments, now_ms));
    fields["Images"]["Image"].as_array().expect("a list").clone()
}

#[test]
fn reads_lag_by_so_much_and_no_more() {
    let lag_ms = 1_000;
    let mock = mock(Manners { lag_ms, seed: 3, ..Manners::default() });
    images(&mock, None, 0);
    let id = fields(create(&mock, 10_000))["ImageId"].clone();
    let seen: Vec<bool> = (0..50).map(|n| !images(&mock, Some(&id), 10_001 + n * 20).is_empty()).collect();
    assert!(seen.contains(&false) && seen.contains(&true), "some of them show it, and some do not: {seen:?}");
    assert!(mock.statistics.of(Manner::Lagged) > 0);
    // After that, each shows it, with everything that was done until then.
    for n in 0..50 {
        let shown = images(&mock, Some(&id), 10_000 + lag_ms + SETTLE_MS + 1 + n * 20);
        assert_eq!(shown[0]["Status"], "Available");
    }
}

#[test]
fn work_takes_longer_by_so_much() {
    let slow_ms = 1_000;
    let mock = mock(Manners { slow_ms, seed: 3, ..Manners::default() });
    let ids: Vec<Value> = (0..20).map(|_| fields(create(&mock, 0))["ImageId"].clone()).collect();
    let done = |now_ms| ids.iter().filter(|id| images(&mock, Some(id), now_ms)[0]["Status"] == "Available").count();
    let early = done(SETTLE_MS + slow_ms / 2);
    assert!((1..20).contains(&early), "{early} of 20 are done half way");
    assert_eq!(done(SETTLE_MS + slow_ms), 20);
}

#[test]
fn the_last_call_wins_whatever_is_under_way() {
    let mock = mock(Manners::default());
    let id = fields(create(&mock, 0))["ImageId"].clone();
    for (now_ms, public) in [(SETTLE_MS + 1, true), (SETTLE_MS + 2, false)] {
        let arguments = json!({ "RegionId": "cn-hangzhou", "ImageId": id, "IsPublic": public });
        fields(call(&mock, "ecs/ModifyImageSharePermission", arguments, now_ms));
    }
    for now_ms in [SETTLE_MS + 3, 3 * SETTLE_MS, 100 * SETTLE_MS] {
        assert_eq!(images(&mock, Some(&id), now_ms)[0]["IsPublic"], false, "after {now_ms} ms");
    }
}

#[test]
fn every_answer_has_an_id_of_its_own() {
    let mock = mock(Manners::default());
    let reads = ["ecs/DescribeImages", "ens/DescribeSelfImages", "swas/ListCustomImages", "cvm/DescribeImages"];
    let place = json!({ "RegionId": "cn-hangzhou", "Region": "ap-guangzhou" });
    let asked = reads.iter().chain(&reads[..1]);
    let ids: Vec<Value> = asked.map(|read| fields(call(&mock, read, place.clone(), 0))["RequestId"].clone()).collect();
    let different: BTreeSet<String> = ids.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
}

#[test]
fn a_quota_is_a_refusal_of_the_vendor() {
    let mock = mock(Manners { quota: Some(3), others: 7, ..Manners::default() });
    let made: Vec<String> = (0..5).map(|_| create(&mock, 0).brief()).collect();
    assert_eq!(made, ["success", "success", "success", "403 QuotaExceed", "403 QuotaExceed"], "others do not count");
    assert_eq!(mock.statistics.of(Manner::Quota), 2);
}

#[test]
fn what_is_someone_elses_is_there_and_is_watched() {
    let mock = mock(Manners { others: 2, ..Manners::default() });
    let inventory = |now_ms| mock.listed(now_ms)["ecs"].clone();
    let whose = |whose: &str| -> Vec<Value> {
        let all = inventory(0)["resources"].as_array().expect("a list").clone();
        all.into_iter().filter(|found| found["whose"] == whose).collect()
    };
    let strangers = whose("other");
    let instance = strangers.iter().find(|found| found["kind"] == "instance").expect("an instance");
    assert_eq!(instance["attributes"]["status"], "Running", "it has been there for a while");
    assert!(
        strangers.iter().any(|found| found["id"] == instance["attributes"]["image"]),
        "it runs from an image there"
    );
    assert_eq!(whose("given").len(), 2, "a public image, and one of another account");
    assert!(whose("created").is_empty());
    let id = fields(create(&mock, 0))["ImageId"].clone();
    assert_eq!(whose("created")[0]["id"], id);
    assert_eq!((mock.statistics.of(Manner::Touched), inventory(0)["others_gone"].clone()), (0, json!([])));

    let free = strangers.iter().rfind(|found| {
        found["kind"] == "image"
            && found["attributes"]["owner"] == "self"
            && found["id"] != instance["attributes"]["image"]
    });
    let victim = &free.expect("an image of the account that nobody uses")["id"];
    fields(call(&mock, "ecs/DeleteImage", json!({ "RegionId": "cn-hangzhou", "ImageId": victim }), 0));
    assert_eq!(inventory(SETTLE_MS)["others_gone"], json!([victim]), "it shows");
}

/// What the tests ask of it.
impl Served {
    /// What a path of the server's own tells.
    fn told(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).expect("a connection");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    fn run(&self, arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
        let ended = run_in(&[&["run", "--endpoint", &self.url], arguments].concat(), folder);
        (ended.code, ended.stdout + &ended.stderr)
    }
}

#[test]
fn a_bad_night_is_no_violation() {
    let folder = tempfile::tempdir().expect("a folder");
    // How many requests a night takes, and so what befalls them, differs: the four together have met with everything.
    let mut befallen = BTreeMap::from(["answers_lost", "requests_repeated", "connections_reset"].map(|name| (name, 0)));
    for (seed, operation) in [
        ("1", "ecs/DeleteImage"),
        ("2", "ens/DeleteImage"),
        ("3", "swas/DeleteCustomImages"),
        ("4", "cvm/DeleteImages"),
    ] {
        let served = Served::start(&[
            "--realistic",
            "--seed",
            seed,
            "--settle",
            "30ms",
            "--slow",
            "30ms",
            "--lag",
            "10ms",
            "--lost",
            "4",
            "--resets",
            "4",
            "--repeated",
            "5",
            "--bursts",
            "200ms",
            "--throttle",
            "200",
        ]);
        let (code, text) = served.run(&[operation, "--seed", seed, "--cases", "25", "--workers", "16"], folder.path());
        // Where overlapping calls were refused and one of them came again, nobody can know who did what.
        let is_known = code == Some(0);
        assert!(is_known || code == Some(6) && text.contains("a request that arrived twice"), "{operation}\n{text}");
        let statistics = served.told("/aswritten/statistics");
        for (manner, times) in &mut befallen {
            *times += statistics["manners"][manner].as_u64().expect("a number");
        }
        let inventory = served.told("/aswritten/inventory");
        for (service, held) in inventory.as_object().expect("services") {
            assert_eq!(held["others_gone"], json!([]), "{service}");
        }
        assert_eq!(statistics["manners"]["changes_of_what_is_someone_else_s"], 0);
    }
    assert!(befallen.values().all(|times| *times > 0), "{befallen:?}");
}

#[test]
fn rates_are_counted_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["cvm/DeleteImages", "--seed", "1", "--cases", "4", "--patience", "300ms"];
    let exceeding = |served: &Served| served.told("/aswritten/statistics")["exceeding"].as_u64();
    let lax = Served::start(&["--settle", "0ms"]);
    let (_, text) = lax.run(&arguments, folder.path());
    assert!(exceeding(&lax) > Some(0), "it is counted also where nobody is refused: {text}");
    assert!(!text.contains("throttled:"), "{text}");
    let strict = Served::start(&["--settle", "0ms", "--throttle"]);
    let (code, text) = strict.run(&arguments, folder.path());
    assert!(exceeding(&strict) > Some(0));
    assert!(text.contains("throttled: RequestLimitExceeded"), "{text}");
    assert_ne!(code, Some(1), "throttling breaks no promise: {text}");
}

#[cfg(unix)]
#[test]
fn the_server_says_at_the_end_how_it_was_treated() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut served = Served::start(&["--settle", "0ms", "--throttle", "--lost", "5"]);
    served.run(&["cvm/DeleteImages", "--seed", "1", "--max-requests", "150", "--patience", "300ms"], folder.path());
    let id = served.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill starts").success());
    let mut rest = String::new();
    served.child.stdout.take().expect("a pipe").read_to_string(&mut rest).expect("text");
    assert!(rest.contains("cvm/DeleteImages: ") && rest.contains("more than 10/s"), "{rest}");
    assert!(rest.contains("answers lost"), "{rest}");
}

#[test]
fn keys_with_other_rights() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(&["--settle", "0ms", "--accounts", "--region", "xx-north-1"]);
    let run = |id: &str, secret: &str| {
        let arguments = ["run", "ecs/DeleteImage", "--endpoint", &served.url, "--cases", "5"];
        let mut command = command(&arguments, folder.path());
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", id).env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret);
        ended(&mut command).stdout
    };
    let created = || {
        let inventory = served.told("/aswritten/inventory");
        let resources = inventory["ecs"]["resources"].as_array().expect("a list").clone();
        resources.iter().filter(|found| found["whose"] == "created").count()
    };
    let text = run("aswritten-reader", "aswritten-reader-secret");
    assert!(text.contains("DeleteImage answered 403 Forbidden.RAM where"), "{text}");
    run("aswritten-stranger", "aswritten-stranger-secret");
    assert_eq!(created(), 0, "what another account does is not seen in the first one's");
}
