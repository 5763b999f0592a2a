//! An endpoint whose exchanges are recorded.

use std::sync::Arc;

use super::log::Log;
use crate::{
    endpoint::{Call, Endpoint, Noted, Sent},
    history::Reply,
    spec::service::OpRef,
};

/// Sends by another endpoint, and writes down what is noted.
pub struct Recorded {
    inner: Arc<dyn Endpoint>,
    log: Arc<Log>,
}

impl Recorded {
    pub fn new(inner: Arc<dyn Endpoint>, log: Arc<Log>) -> Self {
        Self { inner, log }
    }
}

impl Endpoint for Recorded {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        self.inner.send(call)
    }

    fn send_among<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        self.inner.send_among(call)
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        self.inner.name()
    }

    fn asked_to_wait_ms(&self, operation: OpRef) -> Option<u64> {
        self.inner.asked_to_wait_ms(operation)
    }

    fn tidy<'a>(&'a self, service: usize, ids: Vec<String>) -> Sent<'a, ()> {
        self.inner.tidy(service, ids)
    }

    fn repeats(&self) -> u32 {
        self.inner.repeats()
    }

    fn spent(&self) -> Option<u64> {
        self.inner.spent()
    }

    fn note(&self, noted: &Noted<'_>) {
        self.log.note(noted);
        self.inner.note(noted);
    }
}
