//! The binary as a process, and how it ended.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// How a process ended, as text.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// What it printed as JSON, when it exited like that.
    pub fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// A command without our environment, so that nobody's credentials are used; it works in its own folder.
pub fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aswritten"));
    command.args(arguments).env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

/// Waits for its end.
pub fn ended(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

pub fn run_in(arguments: &[&str], folder: &Path) -> Ended {
    ended(&mut command(arguments, folder))
}

pub fn run(arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    run_in(arguments, folder.path())
}

/// Runs it and expects this exit code.
pub fn done(arguments: &[&str], folder: &Path, code: i32) -> Ended {
    let ended = run_in(arguments, folder);
    assert_eq!(ended.code, Some(code), "{arguments:?}\n{}\n{}", ended.stdout, ended.stderr);
    ended
}

/// One failing command line: its exit code, and what its message says.
pub fn check(arguments: &[&str], code: i32, says: &[&str]) {
    let ended = run(arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    for text in says {
        assert!(ended.stderr.contains(text), "{arguments:?} does not say `{text}`: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "", "{arguments:?}");
}

/// All fields of an object that the contract names.
pub fn has_fields(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no `{field}` in {value}");
    }
}

/// The specs of this repository, with one rule changed, in a folder of their own.
pub fn changed_specs(from: &str, to: &str) -> tempfile::TempDir {
    changed("specs", "alibaba/ecs", from, to)
}

/// The specs of a service, with one rule changed, in a folder of their own.
pub fn changed(specs: &str, service: &str, from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(specs).join(service);
    let target = folder.path().join(service);
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
