//! The mock's front on a socket of its own, which notes every byte that arrives and spoils answers as it is told.
//!
//! It speaks HTTP/1.1 by itself, because servers that are made to behave cannot reset a connection, end a body early, or
//! keep the spelling of what came.

use std::{
    io::{self, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::spoil::{Delivery, Treatment};
use crate::{
    mock::Front,
    wire::{HttpRequest, HttpResponse},
};

/// Longest head and body that are read.
const LONGEST_HEAD: usize = 64 << 10;
const LONGEST_BODY: usize = 4 << 20;
/// How long a connection is kept that says nothing.
const IDLE: Duration = Duration::from_secs(30);
/// How often a silent server looks whether its caller has gone.
const LOOK: Duration = Duration::from_millis(50);

/// A running server; it stops when this is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: tokio::runtime::Runtime,
}

struct Shared {
    desk: Mutex<Desk>,
    stopped: AtomicBool,
    /// Virtual time of the mock, in milliseconds.
    clock: AtomicU64,
    here: String,
}

/// What the server works by at the moment.
#[derive(Default)]
struct Desk {
    front: Option<Arc<Front>>,
    /// What happens to the answers of the attempts to come; later ones get their own answer.
    treatments: Vec<Treatment>,
    arrivals: Vec<Arrival>,
    /// Answers a documented error, as the protocol spells it.
    spell: Option<Spell>,
}

/// Spells a documented error for a request.
pub type Spell = Arc<dyn Fn(&Treatment, &HttpRequest) -> HttpResponse + Send + Sync>;

/// A request that arrived, with what became of it.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub request: HttpRequest,
    /// Every byte of it.
    pub raw: Vec<u8>,
    pub treatment: Treatment,
    /// What the service, or the documented error, answers.
    pub answer: Option<HttpResponse>,
    /// The service carried out the call.
    pub acted: bool,
    pub delivery: Delivery,
}

impl Server {
    /// Listens on a free port of the loopback address.
    ///
    /// # Errors
    /// When there is none, or threads cannot be started.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            desk: Mutex::default(),
            stopped: AtomicBool::new(false),
            clock: AtomicU64::new(0),
            here: format!("http://{address}"),
        });
        // Only sockets of its kind can be closed with a reset.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (accepting, handle) = (shared.clone(), runtime.handle().clone());
        thread::Builder::new().spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (shared, handle) = (accepting.clone(), handle.clone());
                thread::spawn(move || {
                    // Whoever breaks a connection is not served any longer; that is all.
                    let _ = serve(&shared, stream, &handle);
                });
            }
        })?;
        Ok(Self { address, shared, runtime })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.shared.here.clone()
    }

    /// Takes up a service, as it is at this virtual time.
    pub fn take_up(&self, front: Arc<Front>, spell: Spell) {
        let mut desk = self.shared.desk();
        *desk = Desk { front: Some(front), spell: Some(spell), ..Desk::default() };
    }

    /// Notes what happens to the attempts that come now, and forgets those that came.
    pub fn expect(&self, treatments: Vec<Treatment>) {
        let mut desk = self.shared.desk();
        desk.treatments = treatments;
        desk.arrivals.clear();
    }

    /// What came since.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.desk().arrivals.clone()
    }

    /// A call is made; the virtual time at which.
    pub fn tick(&self) -> u64 {
        self.shared.clock.fetch_add(1, Ordering::Relaxed)
    }

    pub fn now_ms(&self) -> u64 {
        self.shared.clock.load(Ordering::Relaxed)
    }

    /// Lets virtual time pass.
    pub fn wait(&self, ms: u64) {
        self.shared.clock.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // The one who accepts has to look up; if nobody listens any longer, all the better.
        let _ = TcpStream::connect(self.address);
        let _ = &self.runtime;
    }
}

impl Shared {
    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, request: HttpRequest, raw: Vec<u8>) -> Delivery {
        let mut desk = self.desk();
        let plain = Treatment { spoil: super::spoil::Spoil::Nothing, acts: true };
        let treatment = desk.treatments.get(desk.arrivals.len()).cloned().unwrap_or(plain);
        let acts = treatment.acts || treatment.needs_answer();
        let answer = match (&treatment.spoil, &desk.front, &desk.spell) {
            (super::spoil::Spoil::Refusal { .. }, _, Some(spell)) => Some(spell(&treatment, &request)),
            (_, Some(front), _) if acts => {
                let now = self.clock.fetch_add(1, Ordering::Relaxed);
                Some(front.respond(&request, now_seconds(), now))
            }
            _ => None,
        };
        let acted = acts && !matches!(treatment.spoil, super::spoil::Spoil::Refusal { .. });
        let delivery = treatment.spoil.apply(answer.clone(), &self.here);
        desk.arrivals.push(Arrival { request, raw, treatment, answer, acted, delivery: delivery.clone() });
        delivery
    }
}

/// Time of day, in seconds.
pub fn now_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).cast_signed()
}

fn serve(shared: &Shared, stream: TcpStream, handle: &tokio::runtime::Handle) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    while let Some((request, raw)) = read(&mut reader, &mut stream)? {
        let last = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        match shared.receive(request, raw) {
            Delivery::Answer { response, cut } => {
                stream.write_all(&head(&response))?;
                stream.write_all(&response.body[..cut.unwrap_or(response.body.len())])?;
                stream.flush()?;
                if cut.is_some() || last {
                    return Ok(());
                }
            }
            Delivery::Closed => return Ok(()),
            Delivery::Reset => {
                drop(reader);
                stream.set_nonblocking(true)?;
                let _guard = handle.enter();
                return tokio::net::TcpStream::from_std(stream)?.set_zero_linger();
            }
            Delivery::Silence => return keep_silent(shared, &stream),
        }
    }
    Ok(())
}

/// Says nothing until the caller has gone.
fn keep_silent(shared: &Shared, stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(LOOK))?;
    let mut piece = [0; 64];
    let mut left = IDLE.as_millis() / LOOK.as_millis();
    while left > 0 && !shared.stopped.load(Ordering::Relaxed) {
        match (&*stream).read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => left -= 1,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Status line and headers of a response.
pub fn head(response: &HttpResponse) -> Vec<u8> {
    let reason = reason_of(response.status);
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", response.status);
    for (name, value) in &response.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n", response.body.len()));
    text.into_bytes()
}

fn reason_of(status: u16) -> &'static str {
    axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Unknown")
}

/// Reads a request; none at the end of the connection.
fn read(reader: &mut impl Read, stream: &mut impl Write) -> io::Result<Option<(HttpRequest, Vec<u8>)>> {
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        if raw.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match byte(reader)? {
            Some(byte) => raw.push(byte),
            None if raw.is_empty() => return Ok(None),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
    let text = String::from_utf8_lossy(&raw).into_owned();
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let mut request = HttpRequest { method, path: path.into(), query: query.into(), headers, body: Vec::new() };
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked")) {
        read_chunks(reader, &mut raw, &mut request.body)?;
    } else {
        let length = request.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        read_exactly(reader, length, &mut raw, &mut request.body)?;
    }
    Ok(Some((request, raw)))
}

fn read_chunks(reader: &mut impl Read, raw: &mut Vec<u8>, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(byte(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?);
            if line.len() > LONGEST_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        raw.extend_from_slice(&line);
        let text = String::from_utf8_lossy(&line);
        let length = usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16);
        let length = length.map_err(|_| io::ErrorKind::InvalidData)?;
        read_exactly(reader, length, raw, body)?;
        read_exactly(reader, 2, raw, &mut Vec::new())?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn read_exactly(reader: &mut impl Read, length: usize, raw: &mut Vec<u8>, body: &mut Vec<u8>) -> io::Result<()> {
    if body.len() + length > LONGEST_BODY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut piece = vec![0; length];
    reader.read_exact(&mut piece)?;
    raw.extend_from_slice(&piece);
    body.extend_from_slice(&piece);
    Ok(())
}

fn byte(reader: &mut impl Read) -> io::Result<Option<u8>> {
    let mut one = [0];
    Ok(if reader.read(&mut one)? == 0 { None } else { Some(one[0]) })
}
