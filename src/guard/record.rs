//! Lines of a ledger, and reading them back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Version of the file format.
pub const FORMAT: u64 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "line")]
pub enum Line {
    /// The first.
    Run {
        format: u64,
        run: String,
        /// Where each service is called.
        endpoints: BTreeMap<String, String>,
        /// Places of given things that clean-up calls fill in, by service.
        givens: BTreeMap<String, BTreeMap<String, String>>,
        profile: Option<String>,
    },
    /// Something is about to be created; written before the call is sent.
    Intend { number: u64, service: String, kind: String, region: String, operation: String, name: String },
    /// It was created, with this id.
    Made { number: u64, id: String },
    /// The call was refused, or certainly never received.
    Refused { number: u64 },
    /// A listing shows it to be the run's.
    Found { number: u64, id: String, service: String, kind: String, region: String, by: String },
    /// This operation was called on it.
    Called { service: String, id: String, operation: String },
    /// A call to remove it succeeded.
    Removing { service: String, id: String },
    /// A read proves that it is gone.
    Gone { service: String, id: String },
    /// A list shows it again.
    Back { service: String, id: String },
    /// It is still there.
    Left { service: String, id: String, why: String },
    /// Everything was looked at, and nothing is left.
    Clean,
}

/// Where a run works; what the first line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    pub run: String,
    pub endpoints: BTreeMap<String, String>,
    pub givens: BTreeMap<String, BTreeMap<String, String>>,
    pub profile: Option<String>,
}

/// Something that the run made, or meant to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub number: u64,
    pub service: String,
    pub kind: String,
    pub region: String,
    pub operation: String,
    /// Name that it was to have.
    pub name: String,
    /// Absent as long as no answer said it.
    pub id: Option<String>,
    /// Nothing came of it.
    pub refused: bool,
    /// Operations that were called on it.
    pub called: BTreeSet<String>,
    pub removing: bool,
    /// A read proves it.
    pub gone: bool,
}

impl Entry {
    /// It may be there still.
    pub fn is_open(&self) -> bool {
        !self.refused && !self.gone
    }
}

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    pub about: About,
    pub entries: Vec<Entry>,
    /// Nothing was left when the file was written last.
    pub clean: bool,
    /// Lines that could not be read: a run that was killed may leave half a line.
    pub damaged: usize,
}

impl Record {
    /// Reads a file's text.
    ///
    /// # Errors
    /// A sentence when it is no ledger.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut record = Self::default();
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next().ok_or("it is empty")?;
        match serde_json::from_str(first) {
            Ok(Line::Run { format: FORMAT, run, endpoints, givens, profile }) => {
                record.about = About { run, endpoints, givens, profile };
            }
            Ok(Line::Run { format, .. }) => {
                return Err(format!("its format is {format}, and this version reads format {FORMAT}"));
            }
            _ => return Err("it is no ledger of aswritten".into()),
        }
        for line in lines {
            match serde_json::from_str(line) {
                Ok(line) => record.apply(&line),
                Err(_) => record.damaged += 1,
            }
        }
        Ok(record)
    }

    /// Takes note of a line.
    pub fn apply(&mut self, line: &Line) {
        self.clean = matches!(line, Line::Clean);
        match line {
            Line::Run { .. } | Line::Left { .. } | Line::Clean => {}
            Line::Intend { number, service, kind, region, operation, name } => self.entries.push(Entry {
                number: *number,
                service: service.clone(),
                kind: kind.clone(),
                region: region.clone(),
                operation: operation.clone(),
                name: name.clone(),
                id: None,
                refused: false,
                called: BTreeSet::new(),
                removing: false,
                gone: false,
            }),
            Line::Made { number, id } => {
                if let Some(entry) = self.entries.iter_mut().find(|entry| entry.number == *number) {
                    entry.id = Some(id.clone());
                }
            }
            Line::Refused { number } => {
                if let Some(entry) = self.entries.iter_mut().find(|entry| entry.number == *number) {
                    entry.refused = true;
                }
            }
            Line::Found { number, id, service, kind, region, by } => {
                if let Some(entry) = self.entries.iter_mut().find(|entry| entry.number == *number) {
                    entry.id = Some(id.clone());
                } else {
                    self.entries.push(Entry {
                        number: *number,
                        service: service.clone(),
                        kind: kind.clone(),
                        region: region.clone(),
                        operation: String::new(),
                        name: by.clone(),
                        id: Some(id.clone()),
                        refused: false,
                        called: BTreeSet::new(),
                        removing: false,
                        gone: false,
                    });
                }
            }
            Line::Called { service, id, operation } => {
                self.of(service, id).for_each(|entry| {
                    entry.called.insert(operation.clone());
                });
            }
            Line::Removing { service, id } => self.of(service, id).for_each(|entry| entry.removing = true),
            Line::Gone { service, id } => self.of(service, id).for_each(|entry| entry.gone = true),
            Line::Back { service, id } => self.of(service, id).for_each(|entry| entry.gone = false),
        }
    }

    fn of<'a>(&'a mut self, service: &'a str, id: &'a str) -> impl Iterator<Item = &'a mut Entry> {
        self.entries.iter_mut().filter(move |entry| entry.service == service && entry.id.as_deref() == Some(id))
    }

    /// The run made it.
    pub fn owns(&self, service: &str, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.service == service && entry.id.as_deref() == Some(id))
    }

    /// What may be there still.
    pub fn open(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_open())
    }
}
