//! Scripts with lanes, how they are executed, and the mock that they meet.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aswritten::{
    endpoint::{
        Call, Endpoint, Sent,
        http::{Http, Target},
        in_process::InProcess,
    },
    execute::execute,
    history::{History, Reply},
    mock::{Front, Mock, http::MAIN, server::Server, service::Asked},
    model::Caller,
    oracle::judge,
    sequence::Script,
    spec::{operation::Law, service::OpRef},
    wire::{Credential, Format, signing},
};
use serde_json::{Value, json};

use crate::{GENERATORS, SET, SETTLE_MS, around, executed, find, generator, pair, policy, runtime};

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
    let script = pair(find("ecs/DeleteImage"));
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
        let script = pair(at);
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

#[test]
fn laws_have_names() {
    let names: BTreeSet<&str> = Law::ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), Law::ALL.len());
}

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
        mock.answer(Asked { operation: at, arguments, region: None, caller: Caller::Main }, 1)
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
