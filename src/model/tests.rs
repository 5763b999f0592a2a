//! What the model makes of calls to a small service.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{
    Answer, Aspect, Caller, Change, Choices, Outcome, Refused, Request, Resource, State, likely, outcomes,
    shop::{DELETE, call, param, promise, row, shop, shop_with},
    view,
};
use crate::{
    spec::SpecSet,
    value::{Atom, Key},
};

/// Common codes of the service.
const COMMON: &str = r#"
[[common]]
code = "Missing*"
means = "missing"
source = "Codes"

[[common]]
code = "Invalid*"
means = "invalid"
source = "Codes"

[[common]]
code = "BadKey"
means = "credentials"
source = "Codes"

[[access]]
caller = "forged-signature"
text = "A forged call is refused."
codes = ["BadKey"]
document = "Codes"
source = "Codes"
"#;

/// What a call may answer: what is due, and what is merely permitted.
fn answers(set: &SpecSet, state: &State, request: &Request) -> Vec<String> {
    let found = outcomes(set, state, request, &Choices::default());
    let words = |outcome: &Outcome| match outcome.answer {
        Answer::Success => "success",
        Answer::Refused(Refused::Row(row)) => &set.operation(DELETE).rows[row].key,
        Answer::Refused(Refused::Common(common)) => &set.service(DELETE).common[common].text,
        Answer::Refused(Refused::Any) => "any",
    };
    found.iter().map(|outcome| format!("{} {}", if outcome.due { "due" } else { "may" }, words(outcome))).collect()
}

/// Adds a resource with some attributes that differ from the initial ones.
fn add(set: &SpecSet, state: &mut State, kind: &str, key: &str, attributes: &[(&str, Atom)]) {
    let service = set.service(DELETE);
    let index = service.kind(kind).expect("it is a kind");
    let mut resource = Resource::new(service, index, "here".into());
    for (name, value) in attributes {
        let place = service.kinds[index].attributes.iter().position(|found| found.name == *name);
        resource.attributes[place.expect("it is an attribute")] = value.clone();
    }
    state.apply(&Change::Create(key.into(), Arc::new(resource)));
}

#[test]
fn what_is_wrong_with_a_call_permits_common_codes() {
    let tables = param("Text", "text", "max_length = 3\nunchecked = [\"max_length\"]")
        + &param("Word", "text", "ascii = true\nunchecked = [\"ascii\"]")
        + &param("Need", "text", "required = true\nunchecked = [\"required\"]")
        + "[[override]]\nwhen = \"Word == 'spared'\"\nskips = [\"Busy\"]\n"
        + &row("Busy", "false")
        + "may = \"Text == 'x'\"\n";
    let set = shop_with(COMMON, &tables);
    let check = |text: &str, word: &str, need: bool, caller: Caller, expected: &[&str]| {
        let others = [Some(text.into()), Some(word.into()), need.then(|| "there".into())];
        let (state, request) = call(&set, &others, caller);
        assert_eq!(answers(&set, &state, &request), expected, "{text} {word} {need}");
    };
    let main = Caller::Main;
    check("abc", "a", true, main, &["due success"]);
    check("abc", "a", false, main, &["due success", "may Missing*"]);
    check("abcd", "a", true, main, &["due success", "may Invalid*"]);
    check("abc", "ä", true, main, &["due success", "may Invalid*"]);
    check("x", "a", true, main, &["due success", "may Busy"]);
    check("x", "spared", true, main, &["due success"]);
    // Whoever does not prove who they are earns the documented code, or another one of credentials.
    check("abcd", "a", true, Caller::Forged, &["due access/forged-signature", "may Key.Unknown", "may BadKey"]);
}

#[test]
fn a_limit_may_go_unchecked_when_the_spec_says_so() {
    let tables = param("Word", "text", "") + &param("Need", "text", "required = true\nmay = \"Word == 'told'\"");
    let set = shop(&tables);
    let check = |word: &str, need: bool, expected: &[&str]| {
        let (state, request) = call(&set, &[Some(word.into()), need.then(|| "there".into())], Caller::Main);
        assert_eq!(answers(&set, &state, &request), expected, "{word} {need}");
    };
    check("a", true, &["due success"]);
    check("a", false, &["due Need/required"]);
    check("told", true, &["due success"]);
    check("told", false, &["due success", "may Need/required"]);
}

#[test]
fn outcomes_claim_what_they_are_about() {
    let precedence = "[[open]]\nid = \"code-order\"\nquestion = \"Which?\"\nsource = \"Errors\"\nprecedence = true\n\
        answers = [{ id = \"listed\", source = \"Errors\" }, { id = \"reversed\", source = \"Errors\" }]\n";
    let tables = param("Text", "text", "")
        + &param("Image", "text", "names = \"image\"")
        + &row("First", "Text in ('one', 'two')")
        + &row("Second", "Text == 'two'")
        + &promise("refused", "refusal", "true")
        + &promise("done", "success", "true")
        + &promise("same", "unchanged", "true")
        + &promise("gone", "gone", "true")
        + precedence
        + "[[effect]]\ndelete = \"image\"\n";
    let set = shop(&tables);
    let check = |text: &str, named: &str, expected: &[(&str, Aspect)]| {
        let (mut state, request) = call(&set, &[Some(text.into()), Some(named.into())], Caller::Main);
        add(&set, &mut state, "image", "img-aaaa", &[]);
        let found = outcomes(&set, &state, &request, &Choices::default());
        let requirements = &set.operation(DELETE).requirements;
        let own = ["refused", "done", "same", "gone", "code-order"];
        let claims = found[0].claims.iter().filter_map(|claim| {
            let id = requirements[claim.requirement].id.rsplit('/').next()?;
            own.contains(&id).then_some((id, claim.aspect))
        });
        let claims: BTreeSet<(&str, Aspect)> = claims.collect();
        assert_eq!(claims, expected.iter().copied().collect(), "{text} {named}");
    };
    check("", "img-aaaa", &[("done", Aspect::Answer), ("gone", Aspect::Gone)]);
    check("", "img-none", &[("done", Aspect::Answer), ("same", Aspect::Unchanged)]);
    check("one", "img-aaaa", &[("refused", Aspect::Answer), ("same", Aspect::Unchanged)]);
    check(
        "two",
        "img-aaaa",
        &[("refused", Aspect::Answer), ("same", Aspect::Unchanged), ("code-order", Aspect::Answer)],
    );
}

#[test]
fn effects_see_what_was_created_and_wait_for_what_they_set() {
    let effect = |text: &str| format!("[[effect]]\nupdate = \"image\"\n{text}\n");
    let check = |effects: &[&str], changed: &[&str], expected: &[(&str, Atom)]| {
        let tables: String = effects.iter().map(|text| effect(text)).collect();
        let set = shop(&(param("Image", "text", "names = \"image\"") + &tables));
        let (mut state, request) = call(&set, &[Some("img-aaaa".into())], Caller::Main);
        add(&set, &mut state, "image", "img-aaaa", &[]);
        let found = outcomes(&set, &state, &request, &Choices::default());
        let attributes = &set.service(DELETE).kinds[set.service(DELETE).kind("image").expect("a kind")].attributes;
        let name = |attribute: usize| attributes[attribute].name.as_str();
        let at_once = found[0].changes.iter().filter_map(|change| match change {
            Change::Set { attribute, .. } => Some(name(*attribute)),
            _ => None,
        });
        assert_eq!(at_once.collect::<Vec<_>>(), changed, "{effects:?}");
        let awaited = found[0].later.iter().flat_map(|pending| &pending.unless_changed);
        let awaited: Vec<_> = awaited.map(|(attribute, value)| (name(*attribute), value.clone())).collect();
        assert_eq!(awaited, expected, "{effects:?}");
    };
    let (named, owned) = ("set = { name = 'x' }", "set = { owner = 'others' }\nwhen = \"image.name == 'x'\"");
    check(&[named, owned], &["name"], &[]);
    let late = "set = { status = 'Creating' }\nlater = true";
    check(&[late], &[], &[("status", Atom::text("Available"))]);
    check(&[named, late], &["name"], &[("status", Atom::text("Available"))]);
    check(&["set = { status = 'Creating' }", late], &["status"], &[("status", Atom::text("Creating"))]);
}

#[test]
fn conditions_look_at_each_resource_that_a_call_names() {
    // Ids of images that go although the call is refused; none where it is not.
    let check = |when: &str, effect: &str, task: &str, expected: Option<&[&str]>| {
        let tables = param("Task", "text", "names = \"task\"")
            + &param("Images", "texts", "names = \"image\"")
            + &row("Due", when)
            + &format!("[[effect]]\ndelete = \"image\"\non = \"refusal\"\nwhen = \"{effect}\"\n")
            + "[define]\nforeign = \"image.owner == 'others'\"\nfirst = \"image.ahead\"\n";
        let set = shop(&tables);
        let images = json!(["img-aaaa", "img-bbbb", "img-cccc"]);
        let (mut state, request) = call(&set, &[Some(task.into()), Some(images)], Caller::Main);
        let others = ("owner", Atom::text("others"));
        add(&set, &mut state, "image", "img-aaaa", &[]);
        add(&set, &mut state, "image", "img-bbbb", &[others]);
        add(&set, &mut state, "image", "img-cccc", &[]);
        add(&set, &mut state, "task", "task-0001", &[("image", Atom::Ref("img-aaaa".into()))]);
        add(&set, &mut state, "task", "task-0002", &[]);
        state.apply(&Change::Delete("task-0002".into()));
        let found = outcomes(&set, &state, &request, &Choices::default());
        let gone = found.iter().find(|outcome| outcome.answer != Answer::Success).map(|outcome| {
            let keys = outcome.changes.iter().filter_map(|change| match change {
                Change::Delete(key) => Some(&**key),
                _ => None,
            });
            keys.collect::<Vec<_>>()
        });
        assert_eq!(gone.as_deref(), expected, "{when}, {effect}, {task}");
    };
    let (a, b, c) = ("img-aaaa", "img-bbbb", "img-cccc");
    check("image.owner == 'others'", "not image.obstructed", "", Some(&[a, c]));
    check("image.owner == 'others'", "image.ahead", "", Some(&[a]));
    // A condition with a name is another one for each resource, and for what is known of it by then.
    check("foreign", "not foreign", "", Some(&[a, c]));
    check("foreign and not (not foreign)", "not image.obstructed", "", Some(&[a, c]));
    check("foreign", "first", "", Some(&[a]));
    check("first and foreign", "first", "", Some(&[a]));
    // What looks at no resource obstructs none.
    check("true", "not image.obstructed", "", Some(&[a, b, c]));
    // The list is gone through, although the call names a single task as well.
    check("task.status == 'Running' and image.owner == 'others'", "not image.obstructed", "task-0001", Some(&[a, c]));
    check("task.status == 'Running' and image.owner == 'others'", "true", "task-0002", None);
    check("task.image == 'img-aaaa'", "false", "task-0001", Some(&[]));
    check("task.image == 'img-bbbb'", "false", "task-0001", None);
    check("count(task.image) == 0", "false", "task-0002", Some(&[]));
    check("count(task.image) == 0", "false", "task-0001", None);
    // What is gone is not among what there is, and neither is anything of another kind.
    check("any(task: task.image != 'img-aaaa')", "false", "", None);
    check("any(task: task.image == 'img-aaaa')", "false", "", Some(&[]));
}

#[test]
fn what_is_likely_says_whether_its_token_was_used_for_a_refusal() {
    let tables = param("Token", "text", "") + &row("Due", "Token == 'bad'");
    let mut set = shop(&tables);
    set.services[0].operations[0].token = Some(1);
    for (token, refused) in [("good", false), ("bad", true)] {
        let (state, request) = call(&set, &[Some(token.into())], Caller::Main);
        let found = likely(&set, &state, &request, &Choices::default());
        assert_eq!(found.token.map(|used| (used.token, used.refused)), Some((token.into(), refused)));
    }
}

#[test]
fn lists_show_what_their_region_has_and_the_account() {
    let badge =
        "[[resource]]\nname = \"badge\"\nid = \"badge-.*\"\nscope = \"account\"\nattribute = { name = \"text\" }\n";
    let view_of = |kind: &str| format!("[[view]]\nof = \"{kind}\"\nlist = \"{kind}s\"\nid = \"Id\"\n");
    let set = shop_with(badge, &(view_of("image") + &view_of("badge")));
    let (mut state, mut request) = call(&set, &[], Caller::Main);
    add(&set, &mut state, "image", "img-aaaa", &[]);
    add(&set, &mut state, "badge", "badge-1", &[]);
    for (region, expected) in [("here", [true, true]), ("there", [false, true])] {
        request.region = region.into();
        let views = &set.operation(DELETE).views;
        let shown = [("img-aaaa", 0), ("badge-1", 1)]
            .map(|(key, index)| view::shows(&set, &state, &request, &views[index], &Key::from(key)));
        assert_eq!(shown, expected, "{region}");
    }
}

#[test]
fn ids_are_read_from_every_form_of_argument() {
    let tables = param("Image", "text", "names = \"image\"")
        + &param("Images", "texts", "names = \"image\"\nas = \"member\"")
        + &row("Malformed", "image.malformed");
    let set = shop(&tables);
    let check = |image: Value, images: Value, expected: [&[&str]; 2]| {
        let (state, request) = call(&set, &[Some(image.clone()), Some(images.clone())], Caller::Main);
        let targets: Vec<Vec<&str>> =
            request.targets.iter().map(|keys| keys.iter().map(|key| &**key).collect()).collect();
        assert_eq!(targets, expected.map(<[&str]>::to_vec), "{image} {images}");
        // Having been asked what its ids look like makes a call no other.
        let asked = request.clone();
        assert!(!answers(&set, &state, &asked).is_empty());
        assert_eq!(asked, request);
    };
    check(json!("img-aaaa"), json!(["img-bbbb", "img-cccc"]), [&["img-aaaa"], &["img-bbbb", "img-cccc"]]);
    check(json!("a,b"), json!("a, b"), [&["a,b"], &["a", "b"]]);
    check(json!(""), json!(""), [&[""], &[]]);
    check(json!(null), json!(null), [&[], &[]]);
    check(json!(7), json!(7), [&["7"], &["7"]]);
}

#[test]
fn derived_attributes_follow_from_the_others() {
    let set = shop("");
    let (mut state, _) = call(&set, &[], Caller::Main);
    add(&set, &mut state, "image", "img-aaaa", &[]);
    add(&set, &mut state, "image", "img-bbbb", &[("accounts", Atom::Set(vec!["1".into()]))]);
    for (key, expected) in [("img-aaaa", Some(false)), ("img-bbbb", Some(true)), ("img-none", None)] {
        let found = view::derived(set.service(DELETE), &state, &Key::from(key));
        assert_eq!(found, expected.map(Atom::Bool).into_iter().collect::<Vec<_>>(), "{key}");
    }
}
