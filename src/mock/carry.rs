//! What happens to requests and answers on their way.

use super::{
    http::Front,
    manners::{Manner, Share, chance},
};
use crate::wire::{HttpRequest, HttpResponse};

/// A request on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    pub way: Way,
    /// How long the answer takes.
    pub delay_ms: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    /// The connection is reset before anything is done.
    Reset,
    /// Something on the way answers.
    Failed(HttpResponse),
    /// It arrives, as the request of this number.
    Open(u64),
}

impl Front {
    /// What becomes of a request before anyone looks at it.
    pub fn set_out(&self, request: &HttpRequest, now_ms: u64) -> Passage {
        let manners = &self.mock.manners;
        let number = self.mock.statistics.arrival();
        let delay_ms = chance::up_to(manners.seed, "latency", number, manners.latency_ms);
        let way = if self.strikes(number, Manner::Reset, "reset", manners.resets) {
            Way::Reset
        } else if manners.is_burst(now_ms) {
            self.mock.statistics.count(Manner::Failed);
            Way::Failed(self.failure(request, number))
        } else {
            Way::Open(number)
        };
        Passage { way, delay_ms }
    }

    /// What becomes of an answer: whether it is lost. The request may arrive once more.
    pub fn comes_back(&self, request: &HttpRequest, number: u64, now_seconds: i64, now_ms: u64) -> bool {
        let manners = &self.mock.manners;
        if self.creates_nothing(request) && self.strikes(number, Manner::Repeated, "repeat", manners.repeated) {
            // Whoever sent it again has the first answer already.
            let _ = self.respond(request, now_seconds, now_ms);
        }
        self.strikes(number, Manner::Lost, "lost", manners.lost)
    }

    fn strikes(&self, number: u64, manner: Manner, name: &str, share: Share) -> bool {
        let strikes = chance::happens(self.mock.manners.seed, name, number, share);
        if strikes {
            self.mock.statistics.count(manner);
        }
        strikes
    }

    /// A failure inside, as documented, or the page of a gateway.
    fn failure(&self, request: &HttpRequest, number: u64) -> HttpResponse {
        let page = || HttpResponse {
            status: 503,
            headers: vec![("Content-Type".into(), "text/html".into())],
            body: b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>".to_vec(),
        };
        if number.is_multiple_of(2) { page() } else { self.unavailable(request).unwrap_or_else(page) }
    }
}
