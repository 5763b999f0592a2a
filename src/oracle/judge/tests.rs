use std::collections::BTreeSet;

use serde_json::{Map, json};

use super::{Belief, Judge, MOST_WORLDS, World, judge, race};
use crate::{
    history::{Exchange, History, Reply, Stamps, Trouble, TroubleKind},
    model::{
        Caller, State,
        shop::{DELETE, LIST, param, promise, question, shop, shop_with},
    },
    sequence::{Command, Purpose, Script},
    spec::SpecSet,
};

/// Calls about one image, with what came back; without stamps, as where nobody has noted them.
fn case(set: &SpecSet, replies: Vec<Reply>) -> (Script, History) {
    let n_params = set.operation(DELETE).params.len();
    let command = Command {
        operation: DELETE,
        arguments: vec![Some("img-aaaa".into()); n_params].into(),
        creates: Vec::new(),
        caller: Caller::Main,
        until: None,
        purpose: Purpose::Call,
        lane: None,
    };
    let commands = vec![command; replies.len()];
    let exchange = |(command, reply)| Exchange {
        command,
        arguments: Map::new(),
        started_ms: 0,
        ended_ms: 0,
        stamps: Stamps::default(),
        reply,
    };
    let exchanges = replies.into_iter().enumerate().map(exchange).collect();
    (Script::new(commands, Vec::new()), History { exchanges, ..History::default() })
}

fn success(fields: serde_json::Value) -> Reply {
    let fields = fields.as_object().cloned().unwrap_or_default();
    Reply::Success { status: 200, fields }
}

#[test]
fn a_field_may_be_absent_only_where_the_document_says_so() {
    for (optional, fields, expected) in [
        (true, json!({}), None),
        (true, json!({ "Note": null }), None),
        (true, json!({ "Note": "a" }), None),
        (true, json!({ "Note": 1 }), Some("shop/Delete/response/Note#a wrong type of Note")),
        (false, json!({}), Some("shop/Delete/response/Note#no Note")),
        (false, json!({ "Note": null }), Some("shop/Delete/response/Note#no Note")),
    ] {
        let field = "[[field]]\nname = \"Note\"\ntype = \"text\"\nsource = \"Response\"";
        let set = shop(&format!("{field}\noptional = {optional}\n"));
        let (script, history) = case(&set, vec![success(fields.clone())]);
        let judged = judge(&set, &script, &history);
        let keys: Vec<&str> = judged.findings.iter().map(|finding| finding.key.as_str()).collect();
        assert_eq!(keys, expected.into_iter().collect::<Vec<_>>(), "{optional} {fields}");
    }
}

#[test]
fn nothing_follows_from_what_can_be_explained_in_too_many_ways() {
    // What a success promises depends on the answer to an open question, so that each world becomes two.
    let set = shop(&(question("some-way", &["a", "b"]) + &promise("some", "success", "some-way is a")));
    let (script, history) = case(&set, vec![success(json!({}))]);
    let initial = World::new(State::initial(set.service(DELETE), &Script::home()));
    let check = |n_worlds: usize, is_cut: bool, expected: bool| {
        let worlds = (0..n_worlds).map(|late| World { late: Some(late), ..initial.clone() }).collect();
        let overlapped = BTreeSet::new();
        let belief = Belief { is_cut, ..Belief::of(worlds) };
        let mut judge = Judge::new(&set, &script, &history, &overlapped, belief);
        let goes_on = judge.exchange(&history.exchanges[0]);
        let texts: Vec<&str> = judge.judged.reasons.iter().map(|reason| reason.text.as_str()).collect();
        assert_eq!(goes_on, expected, "{n_worlds} {is_cut}: {texts:?}");
        let told = texts.iter().any(|text| text.ends_with("in more than 2000 ways"));
        assert_eq!(told, !expected, "{n_worlds} {is_cut}: {texts:?}");
    };
    check(1, false, true);
    check(1, true, false);
    check(MOST_WORLDS / 2, false, true);
    check(MOST_WORLDS / 2 + 1, false, false);
}

#[test]
fn work_whose_answer_was_lost_counts_from_then_on_where_nobody_noted_when() {
    let set = shop(&(param("Image", "text", "names = \"image\"") + "[[effect]]\ndelete = \"image\"\n"));
    let lost = || Reply::Trouble(Trouble { kind: TroubleKind::Timeout, text: String::new(), may_have_happened: true });
    let (script, history) = case(&set, vec![success(json!({})), lost(), success(json!({})), lost()]);
    assert_eq!(race::overlapped(&set, &script, &history), BTreeSet::from([2, 3]));
}

/// Each of three reads fits after some of the deletions, and all of them before any.
#[test]
fn what_only_the_clock_forbids_was_not_seen() {
    let images = ["one", "two", "three", "four"];
    let given = |name: &&str| {
        format!("[[given]]\nname = \"{name}\"\ndefault = \"img-{name}\"\ntext = \"An image.\"\nresource = \"image\"\n")
    };
    let delete = param("Images", "texts", "names = \"image\"") + "[[effect]]\ndelete = \"image\"\n";
    let set = shop_with(&images.iter().map(given).collect::<String>(), &delete);
    let check = |first_read: (u64, u64), expected: Option<&str>| {
        let (mut script, mut history) = (Script::new(Vec::new(), Vec::new()), History::default());
        let places = images.map(|name| (format!("$given.{name}").as_str().into(), format!("img-{name}")));
        history.filled.extend(places);
        let mut add = |operation, named: &[&str], shown: &[&str], lane: Option<u8>, (start, end): (u64, u64)| {
            let named: Vec<String> = named.iter().map(|name| format!("$given.{name}")).collect();
            let arguments = if operation == LIST {
                vec![Some(named.into())]
            } else {
                vec![Some("img-none".into()), Some(named.into())]
            };
            let arguments = arguments.into();
            let shown: Vec<_> = shown.iter().map(|name| json!({ "ImageId": format!("img-{name}") })).collect();
            let command = script.commands.len();
            let (creates, until, purpose) = (Vec::new(), None, Purpose::Call);
            script.commands.push(Command { operation, arguments, creates, caller: Caller::Main, until, purpose, lane });
            let (arguments, reply) = (Map::new(), success(json!({ "Images": shown })));
            let stamps = Stamps { start, end };
            history.exchanges.push(Exchange { command, arguments, started_ms: start, ended_ms: end, stamps, reply });
        };
        add(LIST, &images, &images, None, (0, 5));
        add(DELETE, &["one", "two"], &[], Some(1), (10, 90));
        add(DELETE, &["one", "three"], &[], Some(2), (10, 90));
        add(LIST, &["one"], &[], Some(3), first_read);
        add(LIST, &["two", "four"], &["two", "four"], Some(4), (40, 50));
        add(LIST, &["three"], &["three"], Some(5), (40, 50));
        add(DELETE, &["four"], &[], Some(6), (10, 90));
        let judged = judge(&set, &script, &history);
        let keys: Vec<&str> = judged.findings.iter().map(|finding| finding.key.as_str()).collect();
        assert_eq!(keys, expected.into_iter().collect::<Vec<_>>(), "{first_read:?} {:?}", judged.reasons);
    };
    check((20, 30), Some("shop/Delete/effect#no order"));
    check((20, 45), None);
}
