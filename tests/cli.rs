//! The binary as a process: what it prints, what it writes, how it exits.

#[path = "support/served.rs"]
mod served;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use serde_json::Value;

use served::Served;

const BINARY: &str = env!("CARGO_BIN_EXE_aswritten");

/// How a process ended, as text.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// A command without our environment, so that nobody's credentials are used; it works in its own folder.
fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

fn ended(output: Output) -> Ended {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn run(arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    run_in(arguments, folder.path())
}

fn run_in(arguments: &[&str], folder: &Path) -> Ended {
    ended(command(arguments, folder).output().expect("the binary starts"))
}

/// One failing command line: its exit code, and what its message says.
fn check(arguments: &[&str], code: i32, says: &[&str]) {
    let ended = run(arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    for text in says {
        assert!(ended.stderr.contains(text), "{arguments:?} does not say `{text}`: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "", "{arguments:?}");
}

/// A server that does something with each connection.
fn server(handle: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || listener.incoming().flatten().for_each(handle));
    url
}

/// Reads the head of a request.
fn read_head(stream: &std::net::TcpStream) {
    let lines = BufReader::new(stream).lines();
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
}

#[test]
fn help_is_there_for_everything() {
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--help"], &["run", "serve", "mutants", "replay", "spec", "Exit codes"]),
        (
            &["run", "--help"],
            &["--endpoint", "--answer", "--cases", "--seed", "--report", "--given", "SELECTOR", "Without a selector"],
        ),
        (
            &["serve", "--help"],
            &["--listen", "--settle", "--edition", "--credentials", "--unsigned", "--mutant", "checks signatures"],
        ),
        (
            &["mutants", "--help"],
            &["--operator", "--list", "--seeds", "--shortest", "--report", "SELECTOR", "Exit codes"],
        ),
        (
            &["replay", "--help"],
            &[
                "FILE",
                "--times",
                "--endpoint",
                "--format",
                "--report",
                "FORMAT=PATH",
                "fresh resources",
                "6 it could not",
            ],
        ),
        (&["spec", "--help"], &["list", "show", "check", "schema"]),
        (&["spec", "show", "--help"], &["--format", "ID"]),
        (&["spec", "check", "--help"], &["PATH"]),
        (&["--version"], &[env!("CARGO_PKG_VERSION")]),
    ];
    for (arguments, says) in cases {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}");
        for text in says {
            assert!(ended.stdout.contains(text), "{arguments:?} does not say `{text}`: {}", ended.stdout);
        }
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["fly"], 2, &["fly"]),
        (&["run", "--cases", "0"], 2, &["--cases"]),
        (&["run", "--settle", "5"], 2, &["no duration", "50ms"]),
        (&["run", "--report", "pdf=x"], 2, &["no format", "json"]),
        (&["run", "--report", "json=no/such/folder/r.json"], 2, &["cannot write the report"]),
        (&["run", "--endpoint", "ftp://localhost"], 2, &["not an http or https URL"]),
        (&["run", "--endpoint", "mock", "--endpoint", "http://127.0.0.1:1"], 2, &["no other endpoint"]),
        (&["run", "--endpoint", "esc=http://127.0.0.1:1"], 2, &["no service is called `esc`", "did you mean `ecs`?"]),
        (&["run", "--endpoint", "http://me:hush@127.0.0.1:1"], 2, &["user or a password"]),
        (&["run", "swas", "--endpoint", "ecs=http://127.0.0.1:1"], 2, &["no endpoint for swas"]),
        (&["run", "--answer", "missing-imag=refused"], 2, &["did you mean `missing-image`?"]),
        (&["run", "--answer", "missing-image=perhaps"], 2, &["no answer `perhaps`"]),
        (&["run", "--answer", "missing-image"], 2, &["not ID=CHOICE"]),
        (&["run", "--given", "regoin=x"], 2, &["did you mean `region`?"]),
        (&["run", "--signing", "rot13"], 2, &["no signing scheme"]),
        (&["run", "ecs/DeleteImages"], 4, &["nothing is selected", "did you mean"]),
        (&["run", "ecs/DeleteImage/error/ImageUseShard"], 4, &["did you mean `ecs/DeleteImage/error/ImageUseShared`?"]),
        (&["run", "ecs/CreateImage"], 4, &["companion"]),
        (&["run", "nothing*"], 4, &["nothing is selected"]),
        (&["run", "ecs", "--endpoint", "http://192.0.2.1"], 5, &["no credentials", "ALIBABA_CLOUD_ACCESS_KEY_ID"]),
        (&["mutants", "ecs/DeleteImages"], 4, &["no mutant is selected", "did you mean `ecs/DeleteImage`?"]),
        (
            &["mutants", "ecs/DeleteImage/drop-condition/ImageUseShard"],
            4,
            &["did you mean `ecs/DeleteImage/drop-condition/ImageUseShared`?"],
        ),
        (&["mutants", "--operator", "drop-conditions"], 2, &["did you mean `drop-condition`?"]),
        (&["mutants", "ecs", "--operator", "forget-token"], 4, &["makes no mutant"]),
        (&["mutants", "--seed", "a", "--seeds", "2"], 2, &["--seeds"]),
        (
            &["serve", "--mutant", "ecs/DeleteImage/drop-condition/ImageUseShard"],
            2,
            &["no mutant is called", "did you mean `ecs/DeleteImage/drop-condition/ImageUseShared`?"],
        ),
        (&["serve", "--answer", "x"], 2, &["not ID=CHOICE"]),
        (&["serve", "--edition", "ecs/DeleteImage@new"], 2, &["no edition"]),
        (&["serve", "--listen", "here"], 2, &["no address"]),
        (&["serve", "--credentials", "hush"], 2, &["ID:SECRET"]),
        (&["replay", "no-such-file.json", "--report", "pdf=x"], 2, &["no format", "json"]),
        (&["replay", "no-such-file.json", "--format", "pdf"], 2, &["--format", "json"]),
        (&["replay", "no-such-file.json"], 2, &["cannot read no-such-file.json"]),
        (&["spec", "show", "ecs/DeleteImages"], 4, &["did you mean `ecs/DeleteImage`?"]),
        (&["spec", "check", "no/such/folder"], 3, &["cannot read"]),
    ];
    for (arguments, code, says) in cases {
        check(arguments, *code, says);
    }
}

#[test]
fn secrets_of_wrong_arguments_are_not_repeated() {
    for arguments in [&["serve", "--credentials", "hush"][..], &["run", "--endpoint", "http://me:hush@127.0.0.1:1"][..]]
    {
        let ended = run(arguments);
        assert!(!ended.stderr.contains("hush"), "{}", ended.stderr);
    }
}

#[test]
fn replay_files_that_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("{", "it is not JSON"),
        ("{}", "not a counterexample"),
        ("[1, 2]", "not a counterexample"),
        (r#"{"kind": "aswritten counterexample", "format": 99}"#, "format 1"),
        (r#"{"kind": "aswritten counterexample", "format": 1, "script": []}"#, "script is empty"),
        (
            r#"{"kind": "aswritten counterexample", "format": 1, "script": [{"operation": "ecs/Fly"}]}"#,
            "no operation `ecs/Fly`",
        ),
    ];
    for (text, says) in cases {
        fs::write(folder.path().join("file.json"), text).expect("a file");
        let ended = run_in(&["replay", "file.json"], folder.path());
        assert_eq!(ended.code, Some(2), "{text}");
        assert!(
            ended.stderr.contains("cannot replay file.json") && ended.stderr.contains(says),
            "{text}: {}",
            ended.stderr
        );
    }
}

#[test]
fn an_endpoint_where_nobody_is() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    check(&["run", "ecs", "--endpoint", &url], 5, &["cannot reach", &url, "aswritten serve"]);
}

#[test]
fn an_endpoint_that_speaks_something_else() {
    let garbage = server(|mut stream| {
        read_head(&stream);
        // The client may have hung up.
        let _ = stream.write_all(b"SSH-2.0-nobody\r\n\r\n");
    });
    check(&["run", "ecs", "--endpoint", &garbage], 5, &["no HTTP answer from", &garbage]);
    let page = server(|mut stream| {
        read_head(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>");
    });
    check(&["run", "ecs", "--endpoint", &page], 5, &["does not speak alibaba-rpc", &page]);
    check(&["run", "cvm", "--endpoint", &page], 5, &["does not speak tencent-api3", &page]);
}

#[test]
fn credentials_that_are_refused() {
    let served = Served::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    // One service of each protocol.
    for (service, variables) in [("ecs", "ALIBABA_CLOUD_ACCESS_KEY_"), ("cvm", "TENCENTCLOUD_SECRET_")] {
        let (id, secret) = if service == "ecs" { ("ID", "SECRET") } else { ("ID", "KEY") };
        let mut command = command(&["run", service, "--endpoint", &served.url, "-v"], folder.path());
        command.env(format!("{variables}{id}"), "stranger").env(format!("{variables}{secret}"), "hush-hush");
        let ended = ended(command.output().expect("the binary starts"));
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        for text in ["refuses the credentials", variables] {
            assert!(ended.stderr.contains(text), "no `{text}`: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("hush-hush"), "{}", ended.stderr);
    }
}

/// Temporary credentials come with a token, which is part of what is signed.
#[test]
fn a_session_token_is_checked() {
    let served = Served::start(&["--credentials", "me:secret:token"]);
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [
        ("ecs", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
        ("cvm", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN"),
    ];
    for (service, id, secret, token) in variables {
        for (given, code) in [("token", 0), ("another", 5), ("", 5)] {
            let mut command = command(&["run", service, "--endpoint", &served.url, "--cases", "10"], folder.path());
            command.env(id, "me").env(secret, "secret").env(token, given);
            let ended = ended(command.output().expect("the binary starts"));
            assert_eq!(ended.code, Some(code), "{service} with `{given}`: {}", ended.stderr);
        }
    }
}

/// All fields of an object that the contract names.
fn has_fields(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no `{field}` in {value}");
    }
}

#[test]
fn the_json_report_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [
        "run",
        "ecs/DeleteImage",
        "--endpoint",
        "in-process",
        "--cases",
        "12",
        "--seed",
        "cli",
        "--format",
        "json",
        "--report",
        "human=out.txt",
    ];
    let ended = run_in(&arguments, folder.path());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).expect("one object");
    has_fields(
        &report,
        &[
            "schema",
            "verdict",
            "seed",
            "endpoint",
            "cases",
            "requests",
            "seconds",
            "operations",
            "observations",
            "findings",
        ],
    );
    assert_eq!(
        (&report["schema"], &report["verdict"], &report["seed"]),
        (&1.into(), &"conforms".into(), &"cli".into())
    );
    assert_eq!((&report["endpoint"], &report["cases"]), (&"in-process".into(), &12.into()));
    let operation = &report["operations"][0];
    assert_eq!(operation["id"], "ecs/DeleteImage");
    for requirement in operation["requirements"].as_array().expect("requirements") {
        has_fields(requirement, &["id", "kind", "level", "source", "exercised", "verdict", "reason"]);
    }
    for observation in report["observations"].as_array().expect("observations") {
        has_fields(observation, &["question", "answer", "times"]);
    }
    let human = fs::read_to_string(folder.path().join("out.txt")).expect("the other report");
    assert!(human.contains("ecs/DeleteImage") && !human.contains('\u{1b}'), "{human}");
    assert!(human.lines().last().is_some_and(|line| line.starts_with("conforms: 1 operation, ")), "{human}");
    assert!(!folder.path().join(".aswritten").exists(), "there is nothing to replay");
    let again: Value = serde_json::from_str(&run(&arguments[..10]).stdout).expect("one object");
    assert_eq!(report["operations"], again["operations"], "the same seed says the same");
}

/// What was answered to another question, or to a caller who may not call at all, is no answer to a question.
#[test]
fn answers_to_questions_are_those_that_decided_them() {
    let arguments =
        ["run", "swas", "ecs/DeleteImage@legacy", "--endpoint", "in-process", "--seed", "1", "--format", "json"];
    let report: Value = serde_json::from_str(&run(&arguments).stdout).expect("one object");
    let answers = |question: &str| -> BTreeSet<&str> {
        let seen = report["observations"].as_array().expect("observations").iter();
        seen.filter(|seen| seen["question"] == question).filter_map(|seen| seen["answer"].as_str()).collect()
    };
    for (question, expected) in [
        ("ecs/DeleteImage@legacy/open/community-image", "deleted"),
        ("ecs/DeleteImage@legacy/open/missing-image", "InvalidImageId.NotFound"),
        ("swas/DeleteCustomImages/open/creating-image", "deleted"),
        ("swas/DeleteCustomImages/open/over-fifteen", "InvalidImageIds.TooMany"),
        // Of a batch whose later image is the one that is shared.
        ("swas/DeleteCustomImages/open/precedence", "CustomImageInShare before InvalidImageId.NotFound"),
    ] {
        let answers = answers(question);
        assert!(answers.contains(expected), "{question}: {answers:?}");
        let of_others = ["SignatureNonceUsed", "MissingParameter", "IdempotentParameterMismatch"];
        assert!(of_others.iter().all(|code| !answers.contains(code)), "{question}: {answers:?}");
    }
}

/// Requests are what a real endpoint costs: the first few hundred exercise everything that can be reached.
#[test]
fn few_requests_exercise_everything() {
    let ended = run(&["run", "--endpoint", "in-process", "--max-requests", "600", "--seed", "few", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert!(report["requests"].as_u64().is_some_and(|requests| requests <= 600), "{}", report["requests"]);
    let requirements = report["operations"].as_array().into_iter().flatten();
    let requirements = requirements.flat_map(|operation| operation["requirements"].as_array().into_iter().flatten());
    // What no run can reach says so in the specs; what this run did not try, or tried in vain, says otherwise.
    // The way to two images of which one alone is blocked is longer than what the search looks at.
    let missed: Vec<&Value> = requirements
        .filter(|one| one["exercised"] == 0 && one["id"] != "cvm/DeleteImages/open/mixed-batch")
        .filter(|one| {
            let reason = one["reason"].as_str().unwrap_or_default();
            reason.ends_with("cases)") || reason.ends_with("case)") || reason == "no case aimed at it"
        })
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn a_requirement_alone() {
    let ended =
        run(&["run", "ecs/DeleteImage/error/ImageUse*", "--endpoint", "in-process", "--cases", "4", "--seed", "cli"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("1 of 1 requirements exercised"), "{}", ended.stdout);
}

#[test]
fn a_run_against_a_server() {
    let served = Served::start(&["--edition", "ecs/DeleteImage@legacy"]);
    let arguments = [
        "run",
        "ecs/DeleteImage@legacy",
        "--endpoint",
        &served.url,
        "--cases",
        "6",
        "--seed",
        "cli",
        "--format",
        "json",
    ];
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert_eq!(report["operations"].as_array().map(Vec::len), Some(1));
    assert!(report["endpoint"].as_str().is_some_and(|endpoint| endpoint.starts_with(&served.url)), "{report}");
}

/// The specs of this repository, with one rule changed, in a folder of their own.
fn changed_specs(from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs/alibaba/ecs");
    let target = folder.path().join("alibaba/ecs");
    fs::create_dir_all(&target).expect("a folder");
    let mut changes = 0;
    for entry in fs::read_dir(source).expect("the specs") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        changes += text.matches(from).count();
        fs::write(target.join(path.file_name().expect("a name")), text.replace(from, to)).expect("a file");
    }
    assert!(changes > 0, "`{from}` is nowhere");
    folder
}

#[test]
fn a_violation_is_shown_written_and_replayed() {
    let specs = changed_specs("when = \"own and image.shared\"", "when = \"own and image.shared and image.in_use\"");
    // The shortest script waits for nothing, so nothing should take its time.
    let served = Served::start(&["--specs", &specs.path().to_string_lossy(), "--settle", "0ms"]);
    let folder = tempfile::tempdir().expect("a folder");
    let selector = "ecs/DeleteImage/error/ImageUseShared";
    let arguments = [
        "run",
        selector,
        "--endpoint",
        &served.url,
        "--cases",
        "1",
        "--seed",
        "cli",
        "--patience",
        "500ms",
        "--report",
        "json=r.json",
    ];
    let shown = run_in(&arguments, folder.path());
    assert_eq!(shown.code, Some(1), "{}{}", shown.stdout, shown.stderr);
    for text in [
        "violation[must]: ecs/DeleteImage/error/ImageUseShared",
        "promised",
        "Error codes, row 2",
        "expected",
        "403 ImageUseShared",
        "aswritten replay",
        "Authorization: <signed>",
    ] {
        assert!(shown.stdout.contains(text), "no `{text}`: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("aswritten-main"), "{}", shown.stdout);
    let report: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("r.json")).expect("a report")).expect("one object");
    let finding = &report["findings"][0];
    has_fields(
        finding,
        &["key", "requirement", "level", "summary", "expected", "actual", "script", "stable", "replay"],
    );
    let file = finding["replay"].as_str().expect("a path");
    let again = run_in(&["replay", file, "--endpoint", &served.url, "--times", "1"], folder.path());
    assert_eq!(again.code, Some(1), "{}{}", again.stdout, again.stderr);
    let elsewhere = run_in(&["replay", file, "--endpoint", "in-process", "--times", "2"], folder.path());
    assert_eq!(elsewhere.code, Some(0), "{}{}", elsewhere.stdout, elsewhere.stderr);
    assert!(elsewhere.stdout.contains("did not show itself"), "{}", elsewhere.stdout);
    replays_are_reported(file, &served.url, finding, folder.path());
}

/// A replay that shows the finding of a run, and one that does not, in both formats.
fn replays_are_reported(file: &str, url: &str, finding: &Value, folder: &Path) {
    let replay = |endpoint: &str, report: &str, code: i32| -> Value {
        let arguments =
            ["replay", file, "--endpoint", endpoint, "--times", "2", "--format", "json", "--report", report, "-q"];
        let ended = run_in(&arguments, folder);
        assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
        let report: Value = serde_json::from_str(&ended.stdout).expect("one object");
        has_fields(
            &report,
            &[
                "schema", "verdict", "reason", "endpoint", "cases", "requests", "seconds", "replayed", "findings",
                "reasons",
            ],
        );
        has_fields(&report["replayed"], &["file", "key", "requirement", "summary", "times", "shown"]);
        assert_eq!((&report["replayed"]["file"], &report["replayed"]["key"]), (&file.into(), &finding["key"]));
        assert_eq!((&report["schema"], &report["cases"]), (&1.into(), &2.into()));
        assert!(report["requests"].as_u64() > Some(0), "{report}");
        report
    };
    let shown = replay(url, "human=again.txt", 1);
    assert_eq!((&shown["verdict"], &shown["replayed"]["shown"]), (&"violates".into(), &2.into()));
    let again = &shown["findings"][0];
    let names: Vec<&String> = finding.as_object().expect("an object").keys().collect();
    assert_eq!(
        again.as_object().expect("an object").keys().collect::<Vec<_>>(),
        names,
        "the fields of a run's finding"
    );
    for same in ["key", "requirement", "level", "summary", "promised", "source", "expected", "script", "replay"] {
        assert_eq!(again[same], finding[same], "{same}");
    }
    let told = fs::read_to_string(folder.join("again.txt")).expect("a report");
    assert!(told.contains("showed itself 2 of 2 times") && !told.contains('\u{1b}'), "{told}");
    let gone = replay("in-process", "json=gone.json", 0);
    assert_eq!(
        (&gone["verdict"], &gone["replayed"]["shown"], &gone["reason"]),
        (&"conforms".into(), &0.into(), &Value::Null)
    );
    assert_eq!(gone["findings"], Value::Array(Vec::new()));
    let written = fs::read_to_string(folder.join("gone.json")).expect("a report");
    assert_eq!(serde_json::from_str::<Value>(&written).expect("one object"), gone);
    let nowhere = run_in(&["replay", file, "--endpoint", "in-process", "--report", "json=no/such/r.json"], folder);
    assert_eq!((nowhere.code, &*nowhere.stdout), (Some(2), ""), "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("cannot write the report"), "{}", nowhere.stderr);
}

#[test]
fn a_replay_that_cannot_be_judged_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    // On a mock of our own nobody used a nonce before.
    let file = r#"{ "kind": "aswritten counterexample", "format": 1, "summary": "let in",
        "requirement": "ecs/DeleteImage/access/used-nonce", "key": "ecs/DeleteImage/access/used-nonce#let in",
        "script": [{ "operation": "ecs/DeleteImage", "caller": "used-nonce", "arguments": { "ImageId": "m-bp1" } }] }"#;
    fs::write(folder.path().join("file.json"), file).expect("a file");
    let human = run_in(&["replay", "file.json"], folder.path());
    assert_eq!(human.code, Some(6), "{}{}", human.stdout, human.stderr);
    assert!(human.stdout.starts_with("cannot be judged: no request succeeded lately"), "{}", human.stdout);
    let json = run_in(&["replay", "file.json", "--format", "json"], folder.path());
    assert_eq!(json.code, Some(6), "{}{}", json.stdout, json.stderr);
    let report: Value = serde_json::from_str(&json.stdout).expect("one object");
    assert_eq!(report["verdict"], "inconclusive");
    assert!(report["reason"].as_str().is_some_and(|reason| reason.contains("nonce")), "{report}");
    assert_eq!(report["reasons"][0]["times"], 3);
}

#[test]
fn a_server_that_accepts_anything_violates_what_is_promised_about_access() {
    let folder = tempfile::tempdir().expect("a folder");
    let violated = |arguments: &[&str], code: i32| -> Vec<String> {
        let served = Served::start(arguments);
        let ended = run_in(
            &[
                "run",
                "ecs/DeleteImage",
                "--endpoint",
                &served.url,
                "--cases",
                "160",
                "--seed",
                "cli",
                "--format",
                "json",
            ],
            folder.path(),
        );
        assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
        let report: Value = serde_json::from_str(&ended.stdout).expect("one object");
        let requirements = report["operations"][0]["requirements"].as_array().expect("requirements");
        let of_access = requirements.iter().filter(|requirement| requirement["kind"] == "access");
        assert!(of_access.clone().all(|requirement| requirement["exercised"] != 0), "{report}");
        let violated = requirements.iter().filter(|requirement| requirement["verdict"] == "violates");
        violated.filter_map(|requirement| requirement["id"].as_str()).map(str::to_owned).collect()
    };
    let access = ["forged-signature", "stale-time", "used-nonce", "unknown-key", "no-signature"];
    assert_eq!(violated(&["--unsigned"], 1), access.map(|name| format!("ecs/DeleteImage/access/{name}")));
    assert_eq!(violated(&[], 0), [""; 0]);
    let file = ".aswritten/ecs-DeleteImage-access-forged-signature-let-in.json";
    let text = fs::read_to_string(folder.path().join(file)).expect("a counterexample");
    assert!(text.contains(r#""caller": "forged-signature""#) && !text.contains("wrong-secret"), "{text}");
    let again = Served::start(&["--unsigned"]);
    let shown = run_in(&["replay", file, "--endpoint", &again.url, "--times", "1"], folder.path());
    assert_eq!(shown.code, Some(1), "{}{}", shown.stdout, shown.stderr);
    for text in ["signed with a wrong secret", "Authorization: <signed with a wrong secret>", "SignatureDoesNotMatch"] {
        assert!(shown.stdout.contains(text), "no `{text}`: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("aswritten-main"), "{}", shown.stdout);
}

#[test]
fn mutants_are_listed() {
    let ended = run(&["mutants", "ecs/DeleteImage", "--list"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = "ecs/DeleteImage/drop-condition/ImageUseShared\n  breaks ecs/DeleteImage/error/ImageUseShared: ";
    assert!(ended.stdout.contains(lines) && !ended.stdout.contains("legacy"), "{}", ended.stdout);
    let ended = run(&["mutants", "ecs/DeleteImage/error/ImageUseShared", "--list", "--format", "json"]);
    let listed: Value = serde_json::from_str(&ended.stdout).expect("one object");
    let listed = listed["mutants"].as_array().expect("a list");
    assert!(listed.len() > 3);
    for mutant in listed {
        has_fields(mutant, &["id", "operator", "operation", "breaks", "text"]);
        assert_eq!(mutant["breaks"], "ecs/DeleteImage/error/ImageUseShared");
    }
}

#[test]
fn the_kill_table_is_complete() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [
        "mutants",
        "ecs/DeleteImage/*/ImageUseShared",
        "--format",
        "json",
        "--report",
        "human=out.txt",
        "--seeds",
        "2",
    ];
    let ended = run_in(&arguments, folder.path());
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let table: Value = serde_json::from_str(&ended.stdout).expect("one object");
    has_fields(
        &table,
        &[
            "schema",
            "seeds",
            "n_mutants",
            "killed",
            "survived",
            "not_struck",
            "allowed",
            "requests_to_failure",
            "shrunk_commands",
            "shrink_requests",
            "operations",
            "operators",
        ],
    );
    let mutants = table["mutants"].as_array().expect("a list");
    assert_eq!(
        (&table["seeds"], mutants.len()),
        (&serde_json::json!(["1", "2"]), table["n_mutants"].as_u64().map_or(0, |n| n as usize))
    );
    for mutant in mutants {
        let fields = [
            "id",
            "operator",
            "operation",
            "breaks",
            "status",
            "by",
            "blamed",
            "requests_to_failure",
            "shrunk_commands",
            "shrink_requests",
            "struck",
            "trials",
        ];
        has_fields(mutant, &fields);
        assert_eq!(mutant["trials"].as_array().map(Vec::len), Some(2));
    }
    let human = fs::read_to_string(folder.path().join("out.txt")).expect("the other report");
    assert!(human.contains("drop-condition") && !human.contains('\u{1b}'), "{human}");
    assert!(human.lines().last().is_some_and(|line| line.starts_with("none survived: ")), "{human}");
}

#[test]
fn a_survivor_fails_the_hunt() {
    // One case has one answer, and a value that is always the same shows itself in two.
    let ended = run(&["mutants", "ecs/DeleteImage/constant-field/RequestId", "--max-requests", "1"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    for text in
        ["survived", "ecs/DeleteImage/constant-field/RequestId", "the suite could have seen", "too weak: 1 mutants"]
    {
        assert!(ended.stdout.contains(text), "no `{text}`: {}", ended.stdout);
    }
}

#[test]
fn a_mutant_that_is_served_is_found() {
    let served = Served::start(&["--mutant", "ecs/DeleteImage/drop-condition/ImageUseShared"]);
    let selector = "ecs/DeleteImage/error/ImageUseShared";
    let arguments =
        ["run", selector, "--endpoint", &served.url, "--cases", "1", "--seed", "cli", "--patience", "500ms"];
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("violation[must]: ecs/DeleteImage/error/ImageUseShared"), "{}", ended.stdout);
}

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
fn specs_as_data() {
    let show = |arguments: &[&str]| -> Value {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).expect("JSON")
    };
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
