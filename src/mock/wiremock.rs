//! The mock inside a `wiremock::MockServer`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use aswritten::mock::{Front, Mock, Policy, wiremock::Mounted};
//! use std::sync::Arc;
//!
//! let set = Arc::new(aswritten::spec::embedded()?);
//! let policy = Policy::new(&set, 20);
//! let server = wiremock::MockServer::start().await;
//! let front = Front::new(Mock::new(set, policy), Vec::new());
//! wiremock::Mock::given(wiremock::matchers::any()).respond_with(Mounted::new(front)).mount(&server).await;
//! # Ok(())
//! # }
//! ```

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use wiremock::{Request, Respond, ResponseTemplate};

use super::http::{Front, SERVER};
use crate::wire::HttpRequest;

/// A front that answers for wiremock. Wiremock runs one handler at a time.
pub struct Mounted {
    front: Front,
    began: Instant,
}

impl Mounted {
    pub fn new(front: Front) -> Self {
        Self { front, began: Instant::now() }
    }
}

impl Respond for Mounted {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let request = HttpRequest {
            method: request.method.as_str().to_owned(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers,
            body: request.body.clone(),
        };
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).cast_signed();
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let answer = self.front.respond(&request, seconds, elapsed);
        let content_type = answer.header("content-type").unwrap_or("application/json").to_owned();
        let mut template = ResponseTemplate::new(answer.status);
        for (name, value) in &answer.headers {
            template = template.append_header(name.as_str(), value.as_str());
        }
        template.append_header("server", SERVER).set_body_raw(answer.body, &content_type)
    }
}
