//! What the process says to its caller. The numbers are a contract: they never change their meaning.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// The endpoint conforms, or the command did what was asked.
    Fine = 0,
    /// Promises are broken.
    Violations = 1,
    /// The arguments, or a file that they name, make no sense.
    Usage = 2,
    /// A spec, or a profile, is wrong.
    BadSpec = 3,
    /// Nothing was selected, or nothing exercised.
    Nothing = 4,
    /// The endpoint cannot be reached, or refuses the credentials.
    Environment = 5,
    /// It could not be judged.
    Inconclusive = 6,
    /// Something that a run created is still there.
    Left = 7,
    /// Someone interrupted.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
