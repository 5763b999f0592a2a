//! Spec files and places in them.

use std::{fmt, ops::Range, sync::Arc};

/// One file of a spec, as read.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path as shown to people, relative to the spec root (`alibaba/ecs/DeleteImage.toml`).
    pub path: String,
    pub text: String,
}

/// A byte range in a spec file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub file: Arc<SourceFile>,
    pub range: Range<usize>,
}

impl Span {
    pub fn new(file: &Arc<SourceFile>, range: Range<usize>) -> Self {
        Self { file: file.clone(), range }
    }

    /// Line of the first byte, counted from 1.
    pub fn line(&self) -> usize {
        let end = self.range.start.min(self.file.text.len());
        1 + self.file.text.as_bytes()[..end].iter().filter(|&&byte| byte == b'\n').count()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file.path, self.line())
    }
}
