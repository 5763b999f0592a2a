//! Profiles, credentials by the vendors' conventions, budgets, and secrets that stay where they are.

use std::{fs, path::Path};

use aswritten::{
    endpoint::translator::Target,
    wire::{Credential, Format, Placement},
};
use serde_json::Value;

use crate::{
    process::{Ended, command, done, ended},
    served::Served,
};

/// What must be found nowhere. The ids are marked as well: they are nobody's business either.
const MARKS: [&str; 6] = ["MARKID1", "MARKSECRET1", "MARKTOKEN1", "MARKID2", "MARKSECRET2", "MARKTOKEN2"];

/// Runs it and expects this exit code; both its outputs.
fn run(arguments: &[&str], folder: &Path, code: i32) -> (String, String) {
    let ended = done(arguments, folder, code);
    (ended.stdout, ended.stderr)
}

fn folder_with(profiles: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("aswritten.toml"), profiles).expect("a file");
    folder
}

/// The file that is printed to begin with, for this server.
fn practice(url: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    run(&["profile", "new"], folder.path(), 0).0.replace("http://127.0.0.1:8080", url)
}

#[test]
fn a_run_without_a_ledger_is_looked_for_where_it_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["cleanup", "aw01234567"][..], &["cleanup", "aw01234567", "--list"]] {
        let (_, err) = run(arguments, folder.path(), 2);
        assert!(
            err.contains("there is no ledger of aw01234567") && err.contains("`--endpoint` or `--profile`"),
            "{err}"
        );
    }
    let served = Served::start(&[]);
    let (_, err) = run(&["cleanup", "aw01234567", "--endpoint", &served.url], folder.path(), 0);
    assert!(err.contains("nothing is left, and nothing was"), "{err}");
}

#[test]
fn what_makes_no_sense_in_a_file_is_told_and_not_repeated() {
    let cases: &[(&str, &[&str])] = &[
        (
            "[profile.night]\nsecret = \"MARKSECRET1\"",
            &["line 2", "unknown field `secret`", "credentials do not belong"],
        ),
        ("[profile.night]\nworkers = \"MARKSECRET1\"", &["line 2", "`workers` is not what belongs there; expected a"]),
        ("[profile.night]\nworkers = 0", &["line 2", "`workers` is not what belongs there; expected a nonzero"]),
        ("[profile.night]\nprobes = \"MARKSECRET1\"", &["line 2", "`probes`", "expected one of `off`"]),
        ("[profile.night]\nMARKSECRET1==\n", &["line 2", "not what belongs there"]),
        ("[profile.night]\n= MARKSECRET1", &["line 2"]),
        ("[profile.night.endpoint]\nesc = \"http://127.0.0.1:1\"", &["did you mean `ecs`?"]),
        ("[profile.night.rate]\necs = \"fast\"", &["no rate", "10/s"]),
        ("[profile.night.rate]\n\"ecs/DeleteImages\" = \"1/s\"", &["no service is called"]),
        ("[profile.night.budget]\nat_once = { imag = 1 }", &["no kind of resource", "did you mean `image`?"]),
        ("[profile.night.given]\nsnapshot = 7", &["given.snapshot"]),
        ("[profile.night.given]\nsnapshoot = \"s-1\"", &["did you mean `snapshot`?"]),
        ("[profile.night.wait]\npatience = \"5\"", &["no duration"]),
        (
            "[profile.night]\nprobes = \"free\"\n[profile.night.endpoint]\necs = \"http://192.0.2.1\"",
            &["for this machine"],
        ),
    ];
    for (profiles, says) in cases {
        let folder = folder_with(profiles);
        let (_, err) = run(&["run", "--profile", "night"], folder.path(), 3);
        for text in *says {
            assert!(err.contains(text), "{profiles} does not say `{text}`: {err}");
        }
        assert!(!err.contains("MARKSECRET1"), "{err}");
    }
    let (_, err) = run(&["run", "--profile", "night"], folder_with("[profile.other]").path(), 2);
    assert!(err.contains("no profile `night`"), "{err}");
    let empty = tempfile::tempdir().expect("a folder");
    let (_, err) = run(&["run", "--profile", "night", "--config", "none.toml"], empty.path(), 2);
    assert!(err.contains("cannot read none.toml"), "{err}");
}

/// A home folder with a credential in each of the vendors' places.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write(
        ".aliyun/config.json",
        r#"{"current": "work", "profiles": [
            {"name": "work", "mode": "AK", "access_key_id": "MARKID1", "access_key_secret": "MARKSECRET1"},
            {"name": "second", "mode": "AK", "access_key_id": "MARKID2", "access_key_secret": "MARKSECRET2"},
            {"name": "sso", "mode": "CloudSSO"}]}"#,
    );
    write(
        ".alibabacloud/credentials.ini",
        "[default]\ntype = access_key\naccess_key_id = MARKID1\naccess_key_secret = MARKSECRET1\n\n[old]\ntype = sts\n\
         access_key_id = MARKID2\naccess_key_secret = MARKSECRET2\nsecurity_token = MARKTOKEN2\n",
    );
    write(".tccli/default.credential", r#"{"secretId": "MARKID1", "secretKey": "MARKSECRET1", "token": "MARKTOKEN1"}"#);
    write(".tccli/second.credential", r#"{"secretId": "MARKID2", "secretKey": "MARKSECRET2"}"#);
    home
}

#[test]
fn credentials_are_found_where_the_vendors_tools_keep_them() {
    let home = home();
    let (ali_id, ali_secret) = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    // Service, profile that is named, variables, what wins or what is said.
    type Case<'a> = (&'a str, Option<&'a str>, &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        ("ecs", None, &[(ali_id, "MARKID2"), (ali_secret, "MARKSECRET2")], "from ALIBABA_CLOUD_ACCESS_KEY_ID and"),
        ("ecs", None, &[], "config.json, profile `work`"),
        ("swas", None, &[("ALIBABA_CLOUD_PROFILE", "second")], "config.json, profile `second`"),
        ("ens", None, &[("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")], "credentials.ini, profile `default`"),
        ("ecs", Some("old"), &[], "credentials.ini, profile `old`"),
        ("ecs", Some("second"), &[(ali_id, "MARKID1"), (ali_secret, "MARKSECRET1")], "config.json, profile `second`"),
        ("ecs", Some("sso"), &[], "its sort is CloudSSO"),
        ("ecs", Some("none"), &[], "has no profile `none`"),
        ("ecs", None, &[(ali_id, "MARKID2")], "not set: ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        ("cvm", None, &[], "default.credential, profile `default`"),
        ("cvm", None, &[("TCCLI_PROFILE", "second")], "second.credential, profile `second`"),
        (
            "cvm",
            Some("second"),
            &[("TENCENTCLOUD_SECRET_ID", "MARKID1"), ("TENCENTCLOUD_SECRET_KEY", "MARKSECRET1")],
            "second.credential",
        ),
        (
            "cvm",
            None,
            &[
                ("TENCENTCLOUD_SECRET_ID", "MARKID1"),
                ("TENCENTCLOUD_SECRET_KEY", "MARKSECRET1"),
                ("TENCENTCLOUD_TOKEN", "MARKTOKEN1"),
            ],
            "from TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN",
        ),
        ("cvm", Some("../../etc/passwd"), &[], "is no name of a profile"),
    ];
    for (service, profile, variables, says) in cases {
        // Nobody lives there: what matters is said before.
        let named = profile.map(|name| format!("[profile.p.credentials]\n{service} = {name:?}\n")).unwrap_or_default();
        let folder = folder_with(&format!(
            "[profile.p]\nservices = [\"{service}\"]\n[profile.p.endpoint]\n{service} = \"http://192.0.2.1\"\n[profile.p.wait]\ntimeout = \"1ms\"\n{named}"
        ));
        let mut command = command(&["run", "--profile", "p", "-v"], folder.path());
        command.env("HOME", home.path()).envs(variables.iter().copied());
        let Ended { code, stdout: out, stderr: err } = ended(&mut command);
        assert_eq!(code, Some(5), "{out}{err}");
        assert!(err.contains(says), "{service} {profile:?} {variables:?} does not say `{says}`: {err}");
        for mark in MARKS {
            assert!(!out.contains(mark) && !err.contains(mark), "{mark} in {out}{err}");
        }
    }
}

#[test]
fn a_profile_is_found_upwards_checked_and_planned() {
    let served = Served::start(&[]);
    let folder = folder_with(&practice(&served.url));
    let inner = folder.path().join("some/where");
    fs::create_dir_all(&inner).expect("a folder");
    let (out, _) = run(&["profile", "check", "--profile", "practice", "swas"], &inner, 0);
    assert!(out.contains("nothing is missing"), "{out}");
    let poor = practice(&served.url)
        .lines()
        .filter(|line| !line.starts_with("account"))
        .map(|line| if line.starts_with("paid = true") { "paid = false" } else { line })
        .collect::<Vec<_>>()
        .join("\n");
    let folder = folder_with(&poor);
    let (out, _) = run(&["profile", "check", "--profile", "practice", "ens/DeleteImage"], folder.path(), 0);
    for text in [
        "missing: a given thing: `ens.account`",
        "missing: consent to what costs money",
        "ens/DeleteImage/promise/in-use",
    ] {
        assert!(out.contains(text), "no `{text}`: {out}");
    }
    let (plan, _) =
        run(&["run", "--profile", "practice", "--dry-plan", "--seed", "1", "ens/DeleteImage"], folder.path(), 0);
    for text in ["case 0", "CreateImage(", "creates ", "ens/image", "needs consent to what costs money"] {
        assert!(plan.contains(text), "no `{text}`: {plan}");
    }
    assert!(!plan.contains("RunInstances("), "nobody agreed to pay: {plan}");
    assert!(!folder.path().join(".aswritten").exists(), "nothing was created, so that there is no ledger");
    // What was planned is what is sent, and what costs money is not.
    let (out, _) =
        run(&["run", "--profile", "practice", "--seed", "1", "ens/DeleteImage", "--format", "json"], folder.path(), 0);
    let report: Value = serde_json::from_str(&out).expect("one object");
    assert_eq!((&report["account"]["paid"]["used"], &report["account"]["left"]), (&0.into(), &Value::Array(vec![])));
    let in_use = report["operations"][0]["requirements"].as_array().expect("requirements").iter();
    let in_use = in_use.clone().find(|found| found["id"] == "ens/DeleteImage/promise/in-use").expect("it is there");
    assert_eq!(in_use["exercised"], 0);
    assert!(in_use["reason"].as_str().is_some_and(|reason| reason.contains("costs money")), "{in_use}");
}

#[test]
fn budgets_and_rates_are_kept_and_reported() {
    let served = Served::start(&[]);
    let profiles = practice(&served.url)
        .replace("paid_at_once = 8", "paid_at_once = 1\nat_once = { image = 2 }\nrequests = 400\nminutes = 5")
        .replace("cvm = \"none\"", "cvm = \"200/s\"\n\"cvm/DeleteImages\" = \"10/s\"");
    let folder = folder_with(&profiles);
    let arguments =
        ["run", "cvm", "--profile", "practice", "--seed", "3", "--format", "json", "--report", "human=out.txt"];
    let (out, err) = run(&arguments, folder.path(), 0);
    let report: Value = serde_json::from_str(&out).expect("one object");
    let account = &report["account"];
    assert!(account["requests"]["planned"] == 400 && account["seconds"]["planned"] == 300.0, "{account}");
    assert!(account["at_once"]["cvm/image"]["used"].as_u64().is_some_and(|used| used <= 2), "{account}");
    assert!(account["at_once"]["cvm/instance"]["used"].as_u64().is_none_or(|used| used <= 1), "{account}");
    assert!(account["waited_seconds"].as_f64().is_some_and(|waited| waited > 0.0), "rates were kept: {account}");
    assert!(account["gone"].as_u64().is_some_and(|gone| gone > 5), "{account}{err}");
    let human = fs::read_to_string(folder.path().join("out.txt")).expect("the other report");
    assert!(human.contains(" of 400 requests") && human.contains("of 2 cvm/image"), "{human}");
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let text = fs::read(&path).expect("a file");
            found.push((path.display().to_string(), String::from_utf8_lossy(&text).into_owned()));
        }
    }
}

#[test]
fn secrets_are_in_no_output() {
    // It breaks promises, so that there are counterexamples, curl lines and replay files.
    let mutant = "ecs/DeleteImage/drop-condition/ImageUseShared";
    let served = Served::start(&["--credentials", "MARKID1:MARKSECRET1", "--mutant", mutant]);
    let home = home();
    let profiles = practice(&served.url)
        + "\n[profile.practice.credentials]\necs = \"work\"\ncvm = \"default\"\n[profile.practice.restricted]\necs = \"second\"\n";
    let folder = folder_with(&profiles);
    let mut outputs: Vec<(String, String)> = Vec::new();
    let mut kept = |name: &str, arguments: &[&str], variables: &[(&str, &str)]| -> Option<i32> {
        let mut command = command(arguments, folder.path());
        command.env("HOME", home.path()).env("RUST_BACKTRACE", "full").envs(variables.iter().copied());
        let Ended { code, stdout: out, stderr: err } = ended(&mut command);
        outputs.extend([(format!("{name}, stdout"), out), (format!("{name}, stderr"), err)]);
        code
    };
    let run = ["run", "ecs/DeleteImage", "--profile", "practice", "--seed", "1", "--cases", "20", "-v"];
    let reports = ["--report", "json=out.json", "--report", "human=out.txt"];
    let code = kept("run", &[&run[..], &reports[..]].concat(), &[]);
    assert_eq!(code, Some(1), "{outputs:?}", outputs = outputs.last());
    // In XML, by the older signature, whose string to sign the service shows when it refuses it.
    let xml = ["--xml", "--signing", "acs-hmac-sha1", "--placement", "get", "--format", "json"];
    kept("xml", &[&run[..], &xml[..]].concat(), &[]);
    kept("check", &["profile", "check", "--profile", "practice", "ecs", "-v"], &[]);
    kept("plan", &["run", "ecs", "--profile", "practice", "--dry-plan", "--cases", "3"], &[]);
    let replay = fs::read_dir(folder.path().join(".aswritten")).expect("a folder").flatten();
    let replay = replay.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ending| ending == "json"));
    let replay = replay.expect("a counterexample").display().to_string();
    kept("replay", &["replay", &replay, "--profile", "practice", "-v"], &[]);
    kept("cleanup", &["cleanup", "-v", "--profile", "practice"], &[]);
    // Refused credentials: the service repeats what it got.
    let variables = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "MARKID1"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "MARKSECRET2")];
    let code = kept("refused", &["run", "ecs", "--endpoint", &served.url, "-v"], &variables);
    assert_eq!(code, Some(5));
    let token = [&variables[..], &[("ALIBABA_CLOUD_SECURITY_TOKEN", "MARKTOKEN1")]].concat();
    kept("token", &["run", "ecs", "--endpoint", &served.url, "-v"], &token);
    assert!(outputs.iter().any(|(_, text)| text.contains("credentials from")), "the verbose lines are there");
    files(folder.path(), &mut outputs);
    assert!(outputs.iter().any(|(name, _)| name.ends_with(".jsonl")), "ledgers are among the files");
    assert!(outputs.iter().any(|(name, _)| name.ends_with("out.json")), "reports are among the files");
    for (name, text) in &outputs {
        for mark in MARKS {
            let at = text.find(mark).map(|at| &text[at.saturating_sub(120)..(at + 40).min(text.len())]);
            assert_eq!(at, None, "{mark} in {name}");
        }
    }
}

#[test]
fn a_panic_shows_nothing_of_a_credential() {
    let credential = Credential {
        id: "MARKID1".into(),
        secret: "MARKSECRET1".to_owned().into(),
        token: Some("MARKTOKEN1".to_owned().into()),
    };
    let target = Target {
        url: "http://127.0.0.1/".parse().expect("a URL"),
        restricted: Some(credential.clone()),
        credential,
        scheme: "acs3-hmac-sha256".into(),
        placement: Placement::Get,
        format: Format::Json,
    };
    let said = format!("{target:?}");
    assert!(said.contains("127.0.0.1") && !said.contains("MARK"), "{said}");
    let body = br#"{"Message": "MARKID1 and MARKSECRET1 with MARKTOKEN1"}"#.to_vec();
    assert_eq!(target.without_secrets(body), br#"{"Message": "*** and *** with ***"}"#);
}
