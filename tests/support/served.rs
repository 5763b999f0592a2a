//! `aswritten serve` as a child; it ends with the test.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// A server of its own, on a free port.
pub struct Served {
    pub child: Child,
    pub url: String,
}

impl Served {
    /// Work settles soon, unless the arguments say something of time.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aswritten"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        if !arguments.iter().any(|argument| ["--settle", "--realistic"].contains(argument)) {
            command.args(["--settle", "5ms"]);
        }
        let started = command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = started.expect("the binary starts");
        let output = child.stdout.as_mut().expect("a pipe");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.trim().strip_prefix("url").map(|url| url.trim().to_owned()));
        Self { child, url: url.expect("serve prints its URL") }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
