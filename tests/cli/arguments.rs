//! What is typed: help, and what makes no sense.

use crate::process::{check, run};

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
                "3 bad spec or profile",
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
        (&["run", "--given", "region="], 2, &["says nothing of `region`"]),
        (&["run", "--timeout", "0s"], 2, &["no time at all"]),
        (&["run", "--max-time", "0s"], 2, &["no time at all"]),
        (&["run", "--endpoint", "in-process", "--cases", "1", "--events", "-"], 2, &["events are written to a file"]),
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
        (
            &["serve", "--answer", "ecs/DeleteImage@legacy/open/missing-image=refused"],
            2,
            &["`ecs/DeleteImage@legacy` is not served", "serve it with `--edition ecs/DeleteImage@legacy`"],
        ),
        (
            &["serve", "--edition", "ecs/DeleteImage@legacy", "--answer", "ecs/DeleteImage/open/missing-image=refused"],
            2,
            &["`ecs/DeleteImage` is not served", "leave out `--edition ecs/DeleteImage@…`"],
        ),
        (&["serve", "--edition", "ecs/DeleteImage@new"], 2, &["no edition"]),
        (&["serve", "--listen", "here"], 2, &["no address"]),
        (&["serve", "--others", "99999999"], 2, &["--others"]),
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
