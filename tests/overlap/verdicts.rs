//! Histories of overlapping calls with known verdicts.

use aswritten::{
    history::{History, Reply, Stamps, Trouble, TroubleKind},
    oracle::{Judged, is_explained_by_repetition, judge},
    sequence::Script,
    spec::{operation::Code, service::OpRef},
};
use serde_json::Map;

use crate::{PATIENCE_MS, SET, SETTLE_MS, executed, find, pair, policy};

/// A race of the cloud that answers as said: two deletes of a free image, and what reads show afterwards.
fn told_so(id: &str, answers: [&str; 2], stamps: [(u64, u64); 2], shown: bool) -> (Script, History) {
    let at = find(id);
    let operation = SET.operation(at);
    let script = pair(at);
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
    (script, history)
}

fn judged((script, history): &(Script, History)) -> Judged {
    judge(&SET, script, history)
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
        let judged = judged(&told_so("cvm/DeleteImages", answers, stamps, shown));
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

/// What is between a client and a service may send a request once more.
#[test]
fn histories_that_a_request_which_arrived_twice_explains() {
    let together = [(0, 3), (1, 2)];
    let mutex = "MutexOperation.TaskRunning";
    let cases = [
        // There is nothing to explain.
        (["success", "success"], false, false),
        // One of them came again when the other was over, and nobody was told.
        ([mutex, mutex], false, true),
        // Nothing that arrives makes undone what was done, or lets something wait.
        (["success", mutex], true, false),
        (["InvalidImageId.InShared", "InvalidImageId.InShared"], true, false),
    ];
    for (answers, shown, expected) in cases {
        let (script, history) = told_so("cvm/DeleteImages", answers, together, shown);
        assert_eq!(is_explained_by_repetition(&SET, &script, &history), expected, "{answers:?} {shown}");
    }
}
