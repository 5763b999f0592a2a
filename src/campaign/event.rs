//! What a run tells while it goes.

/// A step of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Cases begin.
    Started { cases: u64 },
    /// A case is judged.
    Case { done: u64, requests: u64, findings: usize },
    /// A failure is being shrunk.
    Shrinking { key: String, commands: usize, requests: u64 },
    /// Everything is done.
    Finished,
}
