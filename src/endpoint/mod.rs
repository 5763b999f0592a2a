//! Anything that answers a call.
//!
//! An endpoint takes a [`Call`] whose places are filled, and says what came back. It also owns the clock that its answers
//! are timed by: in process, time is virtual and waiting costs nothing. It knows nothing of what is expected.

mod clock;
pub mod direct;
pub mod http;
pub mod in_process;
pub mod limits;
pub mod translator;

use std::{future::Future, pin::Pin, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    history::{Exchange, Reply},
    model::Caller,
    spec::{Operation, service::OpRef},
    value::Arguments,
};

/// Lets other futures of the same task go on, once.
pub async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if given {
            return std::task::Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// Times that a call of this process gives way between looking and acting: long enough that others act meanwhile.
const LINGER: usize = 3;

/// Lets other futures of the same task go on for a while.
async fn linger() {
    for _ in 0..LINGER {
        give_way().await;
    }
}

/// A future that can be sent between threads.
pub type Sent<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A call with real arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub operation: OpRef,
    /// By parameter; absent is not null.
    pub arguments: Arguments,
    /// Region that travels beside the parameters, where the service has one.
    pub region: Option<Arc<str>>,
    pub caller: Caller,
}

/// Arguments by name.
pub fn named(operation: &Operation, arguments: &[Option<Value>]) -> Map<String, Value> {
    let mut named = Map::with_capacity(arguments.len());
    let given = operation.params.iter().zip(arguments);
    named.extend(given.filter_map(|(param, value)| Some((param.name.clone(), value.clone()?))));
    named
}

/// Our handle on a system under test.
pub trait Endpoint: Send + Sync {
    /// Sends a call. There is exactly one request for each call: nothing is repeated silently.
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply>;

    /// Sends a call that others overlap. An endpoint that answers at once has to leave them room to do so.
    fn send_among<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        self.send(call)
    }

    /// Milliseconds since any fixed moment; never goes back.
    fn now_ms(&self) -> u64;

    /// Lets time pass.
    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()>;

    /// Name for reports.
    fn name(&self) -> String;

    /// For how many milliseconds the service asked to hold back, with its latest answer to this operation.
    fn asked_to_wait_ms(&self, _operation: OpRef) -> Option<u64> {
        None
    }

    /// Sees to it that these things of a service are gone, as far as that can be done. An endpoint that costs nobody anything
    /// leaves them.
    fn tidy<'a>(&'a self, _service: usize, _ids: Vec<String>) -> Sent<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Times that a call is worth sending again which the service had no time for. Each is an exchange of its own.
    fn repeats(&self) -> u32 {
        0
    }

    /// All requests so far, with those that no call asked for, and with those that cleaning up will take at the end; nothing
    /// where that is not counted.
    fn spent(&self) -> Option<u64> {
        None
    }

    /// Is told of each exchange as soon as it is over; for endpoints that keep a record.
    fn note(&self, _noted: &Noted<'_>) {}
}

/// An exchange that is over.
pub struct Noted<'a> {
    /// Name of the execution that it belongs to.
    pub execution: &'a str,
    pub operation: OpRef,
    /// It removes what a script left, or looks whether anything is answered at all; it is not judged.
    pub cleaning: bool,
    pub exchange: &'a Exchange,
}
