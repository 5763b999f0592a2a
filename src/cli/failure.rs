//! Why a command could not do what was asked.

use super::{exit_code::ExitCode, terminal};

/// One message, what to do about it, and the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    pub code: ExitCode,
    pub text: String,
    pub help: Option<String>,
}

impl Failure {
    pub fn new(code: ExitCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), help: None }
    }

    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, text)
    }

    pub fn environment(text: impl Into<String>) -> Self {
        Self::new(ExitCode::Environment, text)
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Prints it on stderr. An empty text has been printed already, in another form.
    pub fn print(&self) {
        if !self.text.is_empty() {
            terminal::error(&self.text, self.help.as_deref());
        }
    }
}
