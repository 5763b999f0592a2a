//! Specs: checked, and shown.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    process::{changed, changed_specs, check, command, done, ended, has_fields, run, run_in},
    served::Served,
};

#[test]
fn bad_specs_are_shown_with_their_place() {
    let specs = changed_specs("required = true", "requird = true");
    let path = specs.path().to_string_lossy().into_owned();
    for arguments in [&["spec", "check", &path][..], &["run", "--specs", &path][..]] {
        check(
            arguments,
            3,
            &[
                "error[unknown-key]",
                "alibaba/ecs/DeleteImage.toml:",
                "^^^^^^^",
                "did you mean `required`?",
                "problems in",
            ],
        );
    }
}

#[test]
fn what_nobody_speaks_is_told_before_anything_is_sent() {
    let shows = |from: &str, to: &str, says: &[&str]| {
        let specs = changed("tests/data/own", "net", from, to);
        let path = specs.path().to_string_lossy().into_owned();
        check(&["spec", "check", &path], 3, says);
        check(&["run", "--specs", &path], 3, says);
    };
    shows(
        "alibaba-rpc",
        "alibaba-rcp",
        &["no protocol is called `alibaba-rcp`", "net/service.toml:1:1", "did you mean `alibaba-rpc`?"],
    );
    shows(
        "acs3-hmac-sha256",
        "acs3-sha256",
        &["no signing scheme of alibaba-rpc is called `acs3-sha256`", "did you mean `acs3-hmac-sha256`?"],
    );
    // That of another protocol.
    shows("acs3-hmac-sha256", "tc3-hmac-sha256", &["no signing scheme of alibaba-rpc is called `tc3-hmac-sha256`"]);
}

/// A file may be named from its own folder.
#[test]
fn a_file_of_specs_is_checked_with_those_beside_it() {
    let specs = changed_specs("required = true", "required = true");
    let folder = specs.path().join("alibaba/ecs");
    for file in ["DeleteImage.toml", "./DeleteImage.toml"] {
        let ended = run_in(&["spec", "check", file], &folder);
        assert_eq!(ended.code, Some(0), "{file}: {}", ended.stderr);
    }
}

/// A spec of a service that nobody has.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/own");

/// A few short files, as someone writes them who begins: nothing of the vendors that are built in.
#[test]
fn a_service_of_ones_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let says = |arguments: &[&str], text: &str| {
        let shown = done(arguments, folder.path(), 0).stdout;
        assert!(shown.contains(text), "{arguments:?}: {shown}");
        shown
    };
    says(&["spec", "check", OWN], "1 documented operation, 5 companions");
    let page = says(&["spec", "show", "--specs", OWN, "net"], "operations\n");
    assert!(!page.contains("refused"), "nobody has to be refused, and nothing is said of that: {page}");
    says(&["spec", "show", "--specs", OWN, "net/DeleteNetwork"], "RequestId: an answer has it");
    says(&["run", "--specs", OWN, "--endpoint", "in-process", "--seed", "1"], "coverage 9 of 9");
    says(&["mutants", "--specs", OWN], "none survived");
}

/// What a key is refused with is no answer to any call.
#[test]
fn codes_of_ones_own_tell_a_refused_key_from_a_wrong_answer() {
    let served = Served::start(&["--specs", OWN]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = command(&["run", "--specs", OWN, "--endpoint", &served.url], folder.path());
    let ended =
        ended(run.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "nobody").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "nothing"));
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("refuses the credentials for net: InvalidAccessKeyId.NotFound"), "{}", ended.stderr);
}

#[test]
fn specs_as_data() {
    let show = |arguments: &[&str]| -> Value { run(arguments).json(0) };
    let operation = show(&["spec", "show", "ecs/DeleteImage", "--format", "json"]);
    has_fields(&operation, &["id", "version", "params", "response", "errors", "requirements"]);
    let parts: [(&str, &[&str]); 4] = [
        ("params", &["name", "type", "required", "default"]),
        ("response", &["name", "type"]),
        ("errors", &["code", "status", "message", "source"]),
        ("requirements", &["id", "kind", "level", "text", "source"]),
    ];
    for (part, fields) in parts {
        let list = operation[part].as_array().expect("a list");
        assert!(!list.is_empty(), "{part}");
        list.iter().for_each(|value| has_fields(value, fields));
    }
    has_fields(&show(&["spec", "show", "ecs", "--format", "json"]), &["givens", "resources", "common", "operations"]);
    has_fields(
        &show(&["spec", "show", "ecs/DeleteImage/error/ImageUseShared", "--format", "json"]),
        &["id", "kind", "level", "text", "source"],
    );
    has_fields(&show(&["spec", "list", "--format", "json"]), &["services"]);
    has_fields(&show(&["spec", "schema"]), &["$schema", "type"]);
    let ok = run(&["spec", "check"]);
    assert!(ok.code == Some(0) && ok.stdout.starts_with("ok: "), "{}", ok.stdout);
    let limits: BTreeSet<String> = ["swas/DeleteCustomImages", "cvm/DeleteImages"]
        .iter()
        .flat_map(|id| show(&["spec", "show", id, "--format", "json"])["params"].as_array().expect("a list").clone())
        .filter(|param| !param["max_count"].is_null() || !param["max_length"].is_null())
        .map(|param| format!("{} {} {} {}", param["name"], param["max_count"], param["max_length"], param["ascii"]))
        .collect();
    assert!(limits.contains("\"ClientToken\" null 64 true"), "{limits:?}");
    let page = run(&["spec", "show", "swas/DeleteCustomImages"]).stdout;
    assert!(page.contains("ClientToken (text, at most 64 characters, ASCII)"), "{page}");
    let page = run(&["spec", "show", "ecs/DeleteImage"]).stdout;
    for text in ["ImageUseShared", "when:", "message:", "source:", "open questions", "missing-image"] {
        assert!(page.contains(text), "no `{text}`: {page}");
    }
}
