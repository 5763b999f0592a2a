//! An adapter's process.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::protocol::{Ask, Hello, PROTOCOL, Question, Told};

/// How long an adapter may take to start, which loads the SDK.
const START: Duration = Duration::from_secs(60);
/// How much of what an adapter writes to standard error is kept, in bytes.
const KEPT: usize = 4096;
/// What an adapter keeps of the environment: it must not meet the user's proxies, keys and profiles.
const ENVIRONMENT: &[&str] = &["PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "SystemRoot", "TEMP", "TMP"];

/// How an adapter is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub program: OsString,
    pub arguments: Vec<OsString>,
    /// Home folder of the process, for SDKs that write to it.
    pub home: Option<PathBuf>,
    /// Set in its environment.
    pub variables: Vec<(String, String)>,
}

/// Why an adapter is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    #[error("start `{program}`: {why}")]
    Start { program: String, why: String },
    #[error("hear from the adapter: it ended{}", said(.stderr))]
    Ended { stderr: String },
    #[error("hear from the adapter within {} s", .after.as_secs())]
    Silent { after: Duration },
    #[error("understand the adapter: {why}: {line}")]
    Garbled { line: String, why: String },
}

fn said(stderr: &str) -> String {
    if stderr.trim().is_empty() { String::new() } else { format!(", having said: {}", stderr.trim()) }
}

/// A running adapter; it is stopped when this is dropped.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Arc<Mutex<Vec<u8>>>,
    next: u64,
}

impl Launch {
    /// A command line of words.
    pub fn words(words: &[String]) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        let arguments = arguments.iter().map(OsString::from).collect();
        Some(Self { program: program.into(), arguments, home: None, variables: Vec::new() })
    }
}

impl Process {
    /// Starts an adapter, without a word.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(launch: &Launch) -> Result<Self, ProcessError> {
        let fail = |why: String| ProcessError::Start { program: launch.program.to_string_lossy().into_owned(), why };
        let mut command = Command::new(&launch.program);
        command.args(&launch.arguments).env_clear();
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        if let Some(home) = launch.home.as_ref().cloned().or_else(|| std::env::var_os("HOME").map(PathBuf::from)) {
            command.env("HOME", home);
        }
        command.env("NO_PROXY", "*").envs(launch.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| fail(error.to_string()))?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(fail("it has no output".into()));
        };
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(out);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                if sender.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        let errors = Arc::<Mutex<Vec<u8>>>::default();
        let kept = errors.clone();
        thread::spawn(move || {
            let mut reader = err;
            let mut piece = [0; 1024];
            while let Ok(read) = reader.read(&mut piece) {
                if read == 0 {
                    return;
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&piece[..read]);
                let excess = kept.len().saturating_sub(KEPT);
                kept.drain(..excess);
            }
        });
        let input = child.stdin.take();
        Ok(Self { child, input, lines, errors, next: 1 })
    }

    /// Starts an adapter and greets it.
    ///
    /// # Errors
    /// When it cannot be started, or does not answer as the protocol says.
    pub fn greet(launch: &Launch) -> Result<(Self, Hello), ProcessError> {
        let mut process = Self::start(launch)?;
        let line = process.ask(Question::Hello { protocol: PROTOCOL }, START)?;
        let read = serde_json::from_str::<Value>(&line).ok();
        let refused = read.as_ref().and_then(|read| read["reason"].as_str()).map(str::to_owned);
        match serde_json::from_str::<Hello>(&line) {
            Ok(hello) if hello.protocol == PROTOCOL => Ok((process, hello)),
            Ok(hello) => Err(ProcessError::Garbled {
                why: format!("it speaks protocol {}, not {PROTOCOL}", hello.protocol),
                line,
            }),
            Err(error) => Err(ProcessError::Garbled { why: refused.unwrap_or_else(|| error.to_string()), line }),
        }
    }

    /// Asks a question; the line that answers it.
    pub fn ask(&mut self, question: Question, within: Duration) -> Result<String, ProcessError> {
        let ask = Ask { id: self.next, question };
        self.next += 1;
        let line = serde_json::to_string(&ask)
            .map_err(|error| ProcessError::Garbled { line: String::new(), why: error.to_string() })?;
        self.say(&line)?;
        self.hear(within)
    }

    /// Asks for a call; the answer, and how long it took.
    pub fn call(&mut self, question: Question, within: Duration) -> Result<(Told, Duration), ProcessError> {
        let began = Instant::now();
        let id = self.next;
        let line = self.ask(question, within)?;
        let took = began.elapsed();
        match serde_json::from_str::<Told>(&line) {
            Ok(told) if told.id == Some(id) => Ok((told, took)),
            Ok(told) => Err(ProcessError::Garbled { why: format!("it answers {:?}, not {id}", told.id), line }),
            Err(error) => Err(ProcessError::Garbled { why: error.to_string(), line }),
        }
    }

    /// Writes a line.
    pub fn say(&mut self, line: &str) -> Result<(), ProcessError> {
        let written = self.input.as_mut().is_some_and(|input| {
            input.write_all(line.as_bytes()).and_then(|()| input.write_all(b"\n")).and_then(|()| input.flush()).is_ok()
        });
        if written { Ok(()) } else { Err(self.ended()) }
    }

    /// Waits for a line.
    pub fn hear(&mut self, within: Duration) -> Result<String, ProcessError> {
        match self.lines.recv_timeout(within) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(ProcessError::Silent { after: within }),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    /// Ends its standard input; whether it ended within a time.
    pub fn finish(&mut self, within: Duration) -> bool {
        self.input = None;
        let deadline = Instant::now() + within;
        loop {
            // Lines that nobody asked for end with the process.
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().is_ok(),
            }
        }
    }

    /// The end of what it wrote to standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.errors.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn ended(&mut self) -> ProcessError {
        // Only once it is gone is all read that it said.
        let _ = self.child.kill();
        let _ = self.child.wait();
        ProcessError::Ended { stderr: self.stderr() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
