//! The mock's front, called as a function: everything that travels is spelled, signed, verified and read, and time is
//! virtual.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use url::Url;

use super::{
    Call, Endpoint, Sent,
    clock::Clock,
    give_way, linger,
    translator::{NO_NONCE, Target, Translator},
};
use crate::{
    history::Reply,
    mock::{
        Front,
        http::{MAIN, RESTRICTED, Receipt},
    },
    spec::SpecSet,
    wire::{Credential, Format, HttpResponse, Stamp, signing},
};

/// Time of day when the virtual clock starts, in seconds.
const EPOCH_SECONDS: i64 = 1_750_000_000;

pub struct Direct {
    front: Front,
    translator: Translator,
    clock: Clock,
    n_sent: AtomicU64,
}

impl Direct {
    /// Calls every service of a front with the mock's well-known credentials, in the first way that its specs list.
    pub fn new(set: Arc<SpecSet>, front: Front) -> Self {
        let mut targets = BTreeMap::new();
        for (index, service) in set.services.iter().enumerate() {
            let Some(scheme) = service.signing.first().and_then(|name| signing::find(name)) else { continue };
            let Ok(url) = Url::parse("http://127.0.0.1/") else { continue };
            let target = Target {
                url,
                credential: Credential::pair(MAIN),
                restricted: Some(Credential::pair(RESTRICTED)),
                scheme: scheme.name().to_owned(),
                placement: scheme.preferred_placement(),
                format: Format::Json,
            };
            targets.insert(index, target);
        }
        Self { front, translator: Translator::new(set, targets), clock: Clock::default(), n_sent: AtomicU64::new(0) }
    }

    /// Answers at once.
    pub fn answer(&self, call: &Call) -> Reply {
        let now = self.clock.tick();
        let (mut receipt, stamp) = match self.receive(call, now) {
            Ok(received) => received,
            Err(reply) => return reply,
        };
        loop {
            if let Some(response) = receipt.step(now) {
                return self.reply(call, stamp, &response);
            }
        }
    }

    /// Answers step by step, so that calls meet in the mock.
    async fn answer_among(&self, call: &Call) -> Reply {
        let (mut receipt, stamp) = match self.receive(call, self.clock.tick()) {
            Ok(received) => received,
            Err(reply) => return reply,
        };
        give_way().await;
        loop {
            if let Some(response) = receipt.step(self.clock.tick()) {
                return self.reply(call, stamp, &response);
            }
            linger().await;
        }
    }

    /// Brings a call to the door.
    fn receive(&self, call: &Call, now: u64) -> Result<(Receipt<'_>, Stamp), Reply> {
        let Some(target) = self.translator.targets.get(&call.operation.service) else {
            return Err(Reply::NotSent { reason: "no endpoint for this service".into() });
        };
        let seconds = EPOCH_SECONDS.saturating_add(i64::try_from(now / 1_000).unwrap_or(i64::MAX));
        let number = self.n_sent.fetch_add(1, Ordering::Relaxed);
        let Some(stamp) = self.translator.stamp(call, seconds, || format!("{number:032x}")) else {
            return Err(Reply::NotSent { reason: NO_NONCE.into() });
        };
        let request = self.translator.request(target, call, &stamp).map_err(|reason| Reply::NotSent { reason })?;
        Ok((self.front.receive(&request, seconds, now), stamp))
    }

    fn reply(&self, call: &Call, stamp: Stamp, response: &HttpResponse) -> Reply {
        let reply = self.translator.read(call.operation, response);
        self.translator.remember(call, stamp, &reply);
        reply
    }
}

impl Endpoint for Direct {
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
        "direct".into()
    }
}
