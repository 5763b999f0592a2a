//! The mock's handler, called as a function; time is virtual.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Call, Endpoint, Sent};
use crate::{
    history::Reply,
    mock::{Mock, service::Asked},
};

/// Virtual milliseconds that a call takes.
const STEP_MS: u64 = 1;

pub struct InProcess {
    mock: Mock,
    now_ms: AtomicU64,
}

impl InProcess {
    pub fn new(mock: Mock) -> Self {
        Self { mock, now_ms: AtomicU64::new(0) }
    }

    /// Answers at once.
    pub fn answer(&self, call: &Call) -> Reply {
        let now = self.now_ms.fetch_add(STEP_MS, Ordering::Relaxed);
        let asked = Asked {
            operation: call.operation,
            arguments: call.arguments.clone(),
            region: call.region.clone(),
            caller: call.caller,
        };
        self.mock.answer(&asked, now)
    }
}

impl Endpoint for InProcess {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(std::future::ready(self.answer(call)))
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    }

    fn name(&self) -> String {
        "in-process".into()
    }
}
