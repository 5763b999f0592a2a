//! The mock's handler, called as a function; time is virtual.

use super::{Call, Endpoint, Sent, clock::Clock, give_way, linger};
use crate::{
    history::Reply,
    mock::{Mock, service::Asked},
};

pub struct InProcess {
    mock: Mock,
    clock: Clock,
}

impl InProcess {
    pub fn new(mock: Mock) -> Self {
        Self { mock, clock: Clock::default() }
    }

    /// Answers at once.
    pub fn answer(&self, call: &Call) -> Reply {
        let now = self.clock.tick();
        self.mock.answer(asked(call), now)
    }

    /// Answers step by step, so that calls meet in the mock.
    async fn answer_among(&self, call: &Call) -> Reply {
        let mut handling = self.mock.begin(asked(call));
        give_way().await;
        loop {
            if let Some(reply) = handling.step(self.clock.tick()) {
                return reply;
            }
            linger().await;
        }
    }
}

fn asked(call: &Call) -> Asked {
    Asked {
        operation: call.operation,
        arguments: call.arguments.clone(),
        region: call.region.clone(),
        caller: call.caller,
    }
}

impl Endpoint for InProcess {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(std::future::ready(self.answer(call)))
    }

    fn send_among<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        Box::pin(self.answer_among(call))
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.clock.wait(ms);
        Box::pin(std::future::ready(()))
    }

    fn name(&self) -> String {
        "in-process".into()
    }
}
