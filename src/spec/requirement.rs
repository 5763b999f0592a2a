//! What is asserted: every documented sentence, with an id, a level and a source.

use std::fmt;

use super::source::Span;

/// One documented promise of one operation.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// Whole id: `ecs/DeleteImage/error/ImageUseShared`.
    pub id: String,
    pub kind: Kind,
    pub level: Level,
    /// The promise, in short.
    pub text: String,
    /// Title of its document, where it is another than the operation's.
    pub document: Option<String>,
    /// Place in the document.
    pub source: String,
    /// Place in the spec.
    pub span: Span,
    /// Why no sequence of calls can exercise it.
    pub unreachable: Option<String>,
    /// Only overlapping calls can exercise it.
    pub overlap: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A row of the error table.
    Error,
    /// A sentence of prose, or what follows from it.
    Promise,
    /// A limit of a parameter.
    Param,
    /// A field of the answer.
    Response,
    /// A question that the document leaves open.
    Open,
    /// What a request earns that does not prove who sends it.
    Access,
    /// What holds of calls that overlap.
    Overlap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The document says it.
    Must,
    /// It follows from the document, or from the vendor's general pages.
    Should,
    /// The document contradicts itself or is silent.
    Open,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Promise => "promise",
            Self::Param => "param",
            Self::Response => "response",
            Self::Open => "open",
            Self::Access => "access",
            Self::Overlap => "overlap",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
