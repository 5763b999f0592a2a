//! Reads records back.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::line::{Again, Exchanged, Found, Head, Judged, Line, SCHEMA, Superseded};

/// Why a file is no record.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("read {path}: {cause}")]
    Read { path: PathBuf, cause: io::Error },
    #[error("make sense of {path}: it is empty, as a run leaves it that was killed before it sent anything")]
    Empty { path: PathBuf },
    #[error("make sense of {path}: it does not begin as a record of `aswritten run --events`")]
    NoRecord { path: PathBuf },
    #[error("make sense of {path}: its lines are of schema {found}, and this version reads schema {SCHEMA}")]
    Schema { path: PathBuf, found: u64 },
    #[error("make sense of {path}, line {line}: {cause}")]
    Line { path: PathBuf, line: usize, cause: serde_json::Error },
}

/// A record that was read.
#[derive(Debug, Default)]
pub struct Record {
    pub head: Head,
    /// Cases that began: aims and script.
    pub cases: BTreeMap<u64, (Vec<String>, Value)>,
    /// Exchanges of each case, in order.
    pub exchanges: BTreeMap<u64, Vec<Exchanged>>,
    /// What happened after that, in order.
    pub steps: Vec<Step>,
    pub findings: Vec<Found>,
    pub superseded: Vec<Superseded>,
    /// Requests of cases, and requests that shrinking took.
    pub requests: (u64, u64),
    /// When the last exchange was over, in milliseconds since the run began.
    pub last_ms: u64,
    pub end: Option<End>,
    /// The last line is not whole.
    pub is_torn: bool,
}

/// What adds to the tally, in order.
#[derive(Debug)]
pub enum Step {
    Judged(Judged),
    Confirmed(Again),
}

/// How a run ended.
#[derive(Debug)]
pub struct End {
    pub verdict: String,
    pub seconds: f64,
    pub interrupted: bool,
    pub report: Value,
}

impl Record {
    /// Cases that had begun and were not judged when the record ends.
    pub fn unfinished(&self) -> usize {
        let judged = self.steps.iter().filter(|step| matches!(step, Step::Judged(_))).count();
        self.cases.len().saturating_sub(judged)
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Case { case, aims, script } => drop(self.cases.insert(case, (aims, script))),
            Line::Exchange(sent) => {
                if sent.was_sent() {
                    let requests = if sent.is_of_case() { &mut self.requests.0 } else { &mut self.requests.1 };
                    *requests += 1;
                }
                self.last_ms = self.last_ms.max(sent.at_ms);
                if let Ok(case) = sent.of.parse::<u64>()
                    && !sent.cleaning
                {
                    self.exchanges.entry(case).or_default().push(sent.exchange);
                }
            }
            Line::Judged(judged) => self.steps.push(Step::Judged(judged)),
            Line::Confirmed(again) => self.steps.push(Step::Confirmed(again)),
            Line::Superseded(superseded) => self.superseded.push(superseded),
            Line::Finding(found) => self.findings.push(found),
            Line::End { verdict, seconds, interrupted, report } => {
                self.end = Some(End { verdict, seconds, interrupted, report });
            }
            Line::Run(_) | Line::Own { .. } | Line::Other => {}
        }
    }
}

/// Reads a record. Its last line may be torn, as a killed run leaves it.
///
/// # Errors
/// A file that cannot be read, or is no record, or has a line in the middle that is none.
pub fn read(path: &Path) -> Result<Record, ReadError> {
    let fail = |cause| ReadError::Read { path: path.into(), cause };
    let mut lines = BufReader::new(File::open(path).map_err(fail)?).split(b'\n').enumerate().peekable();
    let first = lines.next().map(|(_, text)| text).transpose().map_err(fail)?;
    let Some(first) = first else { return Err(ReadError::Empty { path: path.into() }) };
    let head = serde_json::from_slice::<Value>(&first).ok();
    let schema = head.as_ref().filter(|head| head["event"] == "run").and_then(|head| head["schema"].as_u64());
    let (Some(head), Some(schema)) = (head, schema) else { return Err(ReadError::NoRecord { path: path.into() }) };
    if schema != SCHEMA {
        return Err(ReadError::Schema { path: path.into(), found: schema });
    }
    let head = match serde_json::from_value::<Line>(head) {
        Ok(Line::Run(head)) => *head,
        _ => return Err(ReadError::NoRecord { path: path.into() }),
    };
    let mut record = Record { head, ..Record::default() };
    while let Some((index, text)) = lines.next() {
        let text = text.map_err(fail)?;
        match serde_json::from_slice::<Line>(&text) {
            Ok(line) => record.add(line),
            Err(_) if lines.peek().is_none() => record.is_torn = true,
            Err(cause) => return Err(ReadError::Line { path: path.into(), line: index + 1, cause }),
        }
    }
    Ok(record)
}
