//! The run's own: what it made, on disk before it is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::record::{About, Entry, FORMAT, Line, Record};

/// Where lines go.
pub trait Sink: Send {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// When not all of them could be written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything added so far outlives a crash of the machine.
    ///
    /// # Errors
    /// When that cannot be said.
    fn flush(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Takes nothing.
struct Closed;

impl Sink for Closed {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Why there is no ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("cannot write the ledger {}: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error("cannot read the ledger {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("cannot read the ledger {}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("a run that still goes on has the ledger {}", path.display())]
    Busy { path: PathBuf },
}

/// An append-only file of [`Line`]s, and what they add up to.
///
/// Once a line could not be written, nothing more is created: what cannot be recorded cannot be cleaned up.
pub struct Ledger {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    sink: Box<dyn Sink>,
    record: Record,
    by_id: BTreeMap<(String, String), ()>,
    next: u64,
    /// Why no line was written any more.
    failure: Option<String>,
    /// The last line may be incomplete.
    torn: bool,
}

impl Ledger {
    /// A new file in a folder, named after the run.
    ///
    /// # Errors
    /// When it cannot be written, or is there already.
    pub fn create(folder: &Path, about: About) -> Result<Self, LedgerError> {
        let path = folder.join(format!("{}.jsonl", about.run));
        let wrong = |cause| LedgerError::Write { path: path.clone(), cause };
        fs::create_dir_all(folder).map_err(wrong)?;
        let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(wrong)?;
        // Whoever cleans up while the run goes on would take its things away. Not every file system has locks.
        let _ = file.try_lock();
        let ledger = Self::with_sink(path.clone(), Box::new(file), about).map_err(wrong)?;
        // The file's name has to outlive a crash as well; where folders cannot be opened, they need no flush.
        if let Ok(folder) = File::open(folder) {
            folder.sync_all().map_err(wrong)?;
        }
        Ok(ledger)
    }

    /// A new ledger that is written anywhere.
    ///
    /// # Errors
    /// When the first line cannot be written.
    pub fn with_sink(path: PathBuf, sink: Box<dyn Sink>, about: About) -> io::Result<Self> {
        let first = Line::Run {
            format: FORMAT,
            run: about.run.clone(),
            endpoints: about.endpoints.clone(),
            givens: about.givens.clone(),
            profile: about.profile.clone(),
        };
        let record = Record { about, ..Record::default() };
        let mut inner = Inner { sink, record, by_id: BTreeMap::new(), next: 1, failure: None, torn: false };
        inner.write(&first)?;
        inner.sink.flush()?;
        Ok(Self { path, inner: Mutex::new(inner) })
    }

    /// A ledger that holds nothing and takes nothing: with it, nothing can be created.
    pub fn closed() -> Self {
        let failure = Some("nothing is to be created yet".into());
        let (record, by_id) = (Record::default(), BTreeMap::new());
        let inner = Inner { sink: Box::new(Closed), record, by_id, next: 1, failure, torn: false };
        Self { path: PathBuf::new(), inner: Mutex::new(inner) }
    }

    /// A file that an earlier run wrote, to go on with.
    ///
    /// # Errors
    /// When it cannot be read or written, or is none.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => LedgerError::Read { path: path.into(), cause },
            _ => LedgerError::Write { path: path.into(), cause },
        })?;
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(LedgerError::Busy { path: path.into() });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|cause| LedgerError::Read { path: path.into(), cause })?;
        let text = String::from_utf8_lossy(&bytes);
        let record = Record::read(&text).map_err(|reason| LedgerError::Unreadable { path: path.into(), reason })?;
        let next = record.entries.iter().map(|entry| entry.number).max().unwrap_or(0) + 1;
        let by_id =
            record.entries.iter().filter_map(|entry| Some(((entry.service.clone(), entry.id.clone()?), ()))).collect();
        let torn = !bytes.ends_with(b"\n");
        let inner = Inner { sink: Box::new(file), record, by_id, next, failure: None, torn };
        Ok(Self { path: path.into(), inner: Mutex::new(inner) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the run.
    pub fn run(&self) -> String {
        self.lock().record.about.run.clone()
    }

    /// Everything that it says.
    pub fn record(&self) -> Record {
        self.lock().record.clone()
    }

    /// The run made it.
    pub fn owns(&self, service: &str, id: &str) -> bool {
        self.lock().by_id.contains_key(&(service.to_owned(), id.to_owned()))
    }

    /// Something is about to be created. When this returns a number, that is on disk.
    ///
    /// # Errors
    /// When it could not be written: it must not be created.
    pub fn intend(&self, service: &str, kind: &str, region: &str, operation: &str, name: &str) -> Result<u64, String> {
        let mut inner = self.lock();
        if let Some(failure) = &inner.failure {
            return Err(failure.clone());
        }
        let number = inner.next;
        inner.next += 1;
        let line = Line::Intend {
            number,
            service: service.into(),
            kind: kind.into(),
            region: region.into(),
            operation: operation.into(),
            name: name.into(),
        };
        let written = inner.note(line).and_then(|()| inner.sink.flush());
        written.map_err(|error| self.fail(&mut inner, &error))?;
        Ok(number)
    }

    /// The answer said the id of what was intended.
    pub fn made(&self, number: u64, id: &str) {
        self.note(Line::Made { number, id: id.into() }, true);
    }

    /// Nothing was created.
    pub fn refused(&self, number: u64) {
        self.note(Line::Refused { number }, false);
    }

    /// A listing shows something that the run made; by which mark.
    pub fn found(&self, number: Option<u64>, service: &str, kind: &str, region: &str, id: &str, by: &str) {
        let number = number.unwrap_or_else(|| {
            let mut inner = self.lock();
            inner.next += 1;
            inner.next - 1
        });
        let line = Line::Found {
            number,
            id: id.into(),
            service: service.into(),
            kind: kind.into(),
            region: region.into(),
            by: by.into(),
        };
        self.note(line, true);
    }

    /// An operation is about to be called on something of the run's.
    pub fn called(&self, service: &str, id: &str, operation: &str) {
        let known = |entry: &Entry| {
            entry.service == service && entry.id.as_deref() == Some(id) && entry.called.contains(operation)
        };
        if !self.lock().record.entries.iter().any(known) {
            self.note(Line::Called { service: service.into(), id: id.into(), operation: operation.into() }, false);
        }
    }

    /// A call to remove it succeeded.
    pub fn removing(&self, service: &str, id: &str) {
        let is_news = |entry: &Entry| entry.service == service && entry.id.as_deref() == Some(id) && !entry.removing;
        if self.lock().record.entries.iter().any(is_news) {
            self.note(Line::Removing { service: service.into(), id: id.into() }, false);
        }
    }

    /// A read proves that it is gone.
    pub fn gone(&self, service: &str, id: &str) {
        let is_news = |entry: &Entry| entry.service == service && entry.id.as_deref() == Some(id) && !entry.gone;
        if self.lock().record.entries.iter().any(is_news) {
            self.note(Line::Gone { service: service.into(), id: id.into() }, false);
        }
    }

    /// It is there after all.
    pub fn back(&self, service: &str, id: &str) {
        self.note(Line::Back { service: service.into(), id: id.into() }, false);
    }

    /// It could not be removed.
    pub fn left(&self, service: &str, id: &str, why: &str) {
        self.note(Line::Left { service: service.into(), id: id.into(), why: why.into() }, true);
    }

    /// Nothing is left.
    pub fn clean(&self) {
        self.note(Line::Clean, true);
    }

    /// Things of a kind that were made, or are being made, and that no call removes yet.
    pub fn standing(&self, service: &str, kind: &str) -> usize {
        let inner = self.lock();
        let of_kind = |entry: &&Entry| entry.service == service && entry.kind == kind;
        inner.record.open().filter(of_kind).filter(|entry| !entry.removing).count()
    }

    /// Those of these ids that a call to remove succeeded for, each with its kind, and that are not known to be gone.
    pub fn leaving(&self, service: &str, ids: &[String]) -> Vec<(String, String)> {
        let inner = self.lock();
        let is_leaving = |entry: &&Entry| entry.service == service && entry.removing && !entry.gone;
        let named = inner.record.entries.iter().filter(is_leaving);
        named.filter_map(|entry| Some((entry.id.clone().filter(|id| ids.contains(id))?, entry.kind.clone()))).collect()
    }

    /// Those that may be there still and satisfy a condition.
    pub fn open_entries(&self, is_wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.lock().record.open().filter(|entry| is_wanted(entry)).cloned().collect()
    }

    /// Services of which something was to be made.
    pub fn services(&self) -> BTreeSet<String> {
        self.lock().record.entries.iter().map(|entry| entry.service.clone()).collect()
    }

    /// Why nothing can be recorded any more.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    fn note(&self, line: Line, lasting: bool) {
        let mut inner = self.lock();
        let written = inner.note(line).and_then(|()| if lasting { inner.sink.flush() } else { Ok(()) });
        if let Err(error) = written {
            self.fail(&mut inner, &error);
        }
    }

    fn fail(&self, inner: &mut Inner, error: &io::Error) -> String {
        let text = format!("the ledger {} cannot be written: {error}", self.path.display());
        inner.torn = true;
        inner.failure.get_or_insert(text).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Writes a line, and counts it whether or not that works: what happened has happened.
    fn note(&mut self, line: Line) -> io::Result<()> {
        if let Line::Made { number, id } | Line::Found { number, id, .. } = &line {
            let known = self.record.entries.iter().find(|entry| entry.number == *number);
            let service = match (&line, known) {
                (Line::Found { service, .. }, _) => service.clone(),
                (_, Some(entry)) => entry.service.clone(),
                (_, None) => String::new(),
            };
            self.by_id.insert((service, id.clone()), ());
        }
        // What is not on disk is not to be created, and so is no entry.
        if matches!(line, Line::Intend { .. }) {
            self.write(&line)?;
            self.record.apply(&line);
            return Ok(());
        }
        self.record.apply(&line);
        self.write(&line)
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        if self.torn {
            text.insert(0, '\n');
        }
        text.push('\n');
        // Until it is all there, it is not known how much is.
        self.torn = true;
        self.sink.append(text.as_bytes())?;
        self.torn = false;
        Ok(())
    }
}
