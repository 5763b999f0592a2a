//! How long repeated reads are repeated.

use std::sync::Arc;

use aswritten::{
    endpoint::in_process::InProcess,
    execute::{Givens, Surroundings, execute},
    mock::{Mock, Policy},
    sequence::Script,
    spec,
};
use serde_json::{Value, json};

/// Work that takes so long is not done when one looks for the first time.
const SLOW_MS: u64 = 300;

/// How often the last command is sent, on a mock where work takes so long.
async fn looks(commands: Value, settle_ms: u64) -> usize {
    let set = Arc::new(spec::embedded().expect("the specs are sound"));
    let script = Script::from_json(&set, &commands).expect("a script");
    let endpoint = InProcess::new(Mock::new(set.clone(), Policy::new(&set, settle_ms)));
    let around = Surroundings {
        givens: Givens::defaults(&set),
        run: "waiting".into(),
        patience_ms: 2_000,
        linger_ms: 0,
        clean: false,
        pace: Default::default(),
    };
    let history = execute(&set, &script, &endpoint, &around, "0").await;
    let last = script.commands.len() - 1;
    history.exchanges.iter().filter(|exchange| exchange.command == last).count()
}

fn import() -> Value {
    let disks = json!([{ "OSSBucket": "$given.bucket", "OSSObject": "$given.object", "Format": "QCOW2" }]);
    let arguments = json!({ "RegionId": "$given.region", "ImageName": "$name", "DiskDeviceMapping": disks });
    json!({ "operation": "ecs/ImportImage", "arguments": arguments, "creates": ["$image1", "$task1"] })
}

fn until_the_task_is_finished() -> Value {
    let arguments = json!({ "RegionId": "$given.region", "TaskIds": ["$task1"] });
    let until = json!({ "view": 0, "key": "$task1", "shown": { "TaskStatus": ["Finished"] } });
    json!({ "operation": "ecs/DescribeTasks", "arguments": arguments, "purpose": "read", "until": until })
}

#[tokio::test]
async fn work_under_way_is_waited_for() {
    let looks = looks(json!([import(), until_the_task_is_finished()]), SLOW_MS).await;
    assert!(looks > 1, "{looks}");
}

#[tokio::test]
async fn what_may_be_gone_with_what_was_removed_is_not_waited_for() {
    let arguments = json!({ "RegionId": "$given.region", "ImageId": "$image1" });
    let delete = json!({ "operation": "ecs/DeleteImage", "arguments": arguments });
    assert_eq!(looks(json!([import(), delete, until_the_task_is_finished()]), 0).await, 1);
}

#[tokio::test]
async fn several_things_are_waited_for_until_each_is_shown() {
    for (keys, is_awaited) in [(json!("$task1"), false), (json!(["$task1", "$task2"]), true)] {
        let mut wait = until_the_task_is_finished();
        wait["until"]["key"] = keys.clone();
        // There is no second task.
        let looks = looks(json!([import(), until_the_task_is_finished(), wait]), SLOW_MS).await;
        assert_eq!(looks > 1, is_awaited, "{keys}: {looks}");
    }
}

#[tokio::test]
async fn what_was_refused_beside_a_success_is_not_waited_for() {
    let create = |handle: &str| {
        let arguments = json!({ "RegionId": "$given.region", "SnapshotId": "$given.snapshot", "ImageName": "$name" });
        json!({ "operation": "ecs/CreateImage", "arguments": arguments, "creates": [handle] })
    };
    let image = |handle: &str| json!({ "RegionId": "$given.region", "ImageId": handle });
    let share = json!({
        "operation": "ecs/ModifyImageSharePermission",
        "arguments": { "RegionId": "$given.region", "ImageId": "$image1", "AddAccount": ["$given.account"] },
    });
    let shared = json!({
        "operation": "ecs/DescribeImageSharePermission",
        "arguments": image("$image1"),
        "purpose": "read",
        "until": { "view": 0, "key": "$image1", "member": "$given.account", "present": true },
    });
    let delete =
        |handle: &str, lane: u8| json!({ "operation": "ecs/DeleteImage", "arguments": image(handle), "lane": lane });
    let look = |handle: &str, mut until: Value| {
        until["view"] = 0.into();
        until["key"] = handle.into();
        json!({ "operation": "ecs/DescribeImages", "arguments": image(handle), "purpose": "read", "until": until })
    };
    let there = |handle: &str| look(handle, json!({ "shown": { "Status": ["Available"] } }));
    for (handle, is_awaited) in [("$image1", false), ("$image2", true)] {
        let gone = look(handle, json!({ "gone": true, "wait": "after-success" }));
        let before =
            [create("$image1"), there("$image1"), create("$image2"), there("$image2"), share.clone(), shared.clone()];
        let race = [delete("$image1", 1), delete("$image2", 2), gone];
        let looks = looks(before.into_iter().chain(race).collect(), SLOW_MS).await;
        assert_eq!(looks > 1, is_awaited, "{handle}: {looks}");
    }
}
