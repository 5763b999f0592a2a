//! The mock on a socket.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, Response, header},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use super::{
    carry::Way,
    http::{Front, SERVER},
    line::{Line, Lines},
    service::Item,
};
use crate::wire::{HttpRequest, HttpResponse};

/// Largest body that is read: that of the documented protocols.
const LARGEST_BODY: usize = 10 << 20;

/// Where a mock tells what it has and what it counted, to callers on the same machine.
pub const INVENTORY: &str = "/aswritten/inventory";
pub const STATISTICS: &str = "/aswritten/statistics";
/// After the name of the server: by how much its reads may lag, in milliseconds.
pub const LAG: &str = "lag-ms=";

/// A running server; it stops when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

struct Shared {
    front: Arc<Front>,
    began: Instant,
    /// The `Server` header.
    name: HeaderValue,
}

impl Server {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(front: impl Into<Arc<Front>>, address: SocketAddr) -> io::Result<Self> {
        Self::since(Instant::now(), front.into(), address).await
    }

    /// Listens again, with everything that a server had which is gone.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn resume(&self, address: SocketAddr) -> io::Result<Self> {
        Self::since(self.shared.began, self.shared.front.clone(), address).await
    }

    async fn since(began: Instant, front: Arc<Front>, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let name = match front.mock.manners.lag_ms {
            0 => SERVER.to_owned(),
            lag_ms => format!("{SERVER} ({LAG}{lag_ms})"),
        };
        let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static(SERVER));
        let shared = Arc::new(Shared { front, began, name });
        let app = Router::new().fallback(handle).with_state(shared.clone());
        let app = app.into_make_service_with_connect_info::<Line>();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let serving = axum::serve(Lines(listener), app).with_graceful_shutdown(async {
                // A dropped sender stops the server as well.
                let _ = stopped.await;
            });
            // Accepting goes on after errors of single connections; an error here ends the server.
            let _ = serving.await;
        });
        Ok(Self { address, shared, stop: Some(stop), task })
    }

    /// Everything that is there, once what is due has happened.
    pub fn inventory(&self) -> Vec<Item> {
        self.shared.front.mock.inventory(self.shared.now_ms())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it counted so far, in a few lines.
    pub fn statistics(&self) -> String {
        let mock = &self.shared.front.mock;
        mock.statistics.told(&mock.set)
    }

    /// Finishes what it is answering, then stops.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        let _ = (&mut self.task).await;
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if let Some(told) = told(&shared, parts.uri.path()) {
        // What others have there is nobody's business elsewhere.
        return if line.peer.ip().is_loopback() { told } else { plain(403, "ask from the same machine") };
    }
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return plain(413, "the body is larger than 10 MB");
    };
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let request = HttpRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    };
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).cast_signed();
    let passage = shared.front.set_out(&request, shared.now_ms());
    let response = match passage.way {
        Way::Reset => None,
        Way::Failed(answer) => Some(answer),
        Way::Open(number) => {
            let answer = answer(&shared, &request, seconds).await;
            let is_lost = shared.front.comes_back(&request, number, seconds, shared.now_ms());
            (!is_lost).then_some(answer)
        }
    };
    if passage.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(passage.delay_ms)).await;
    }
    match response {
        Some(answer) => written(answer, &shared.name),
        None => {
            line.cut();
            plain(500, "nobody reads this")
        }
    }
}

/// What the mock answers. What changes something takes a while, in which others come.
async fn answer(shared: &Shared, request: &HttpRequest, seconds: i64) -> HttpResponse {
    let mut receipt = shared.front.receive(request, seconds, shared.now_ms());
    loop {
        if let Some(answer) = receipt.step(shared.now_ms()) {
            return answer;
        }
        // Not always as long, so that now one is done first and now the other.
        let longest_ms = shared.front.mock.policy.work_ms;
        if receipt.works() && longest_ms > 0 {
            tokio::time::sleep(Duration::from_millis(rand::random_range(1..=longest_ms))).await;
        }
    }
}

/// What a path of the mock's own tells.
fn told(shared: &Shared, path: &str) -> Option<Response<Body>> {
    let mock = &shared.front.mock;
    let value: Value = match path {
        INVENTORY => mock.listed(shared.now_ms()),
        STATISTICS => mock.statistics.to_json(&mock.set),
        _ => return None,
    };
    let headers = vec![("Content-Type".into(), "application/json".into())];
    Some(written(HttpResponse { status: 200, headers, body: value.to_string().into_bytes() }, &shared.name))
}

fn written(answer: HttpResponse, server: &HeaderValue) -> Response<Body> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    match response.header(header::SERVER, server).body(Body::from(answer.body)) {
        Ok(response) => response,
        Err(_) => plain(500, "the answer cannot be written"),
    }
}

fn plain(status: u16, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    response
}
