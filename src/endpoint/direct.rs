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
    translator::{NO_NONCE, Target, Translator},
};
use crate::{
    history::Reply,
    mock::{
        Front,
        http::{MAIN, RESTRICTED},
    },
    spec::SpecSet,
    wire::{Credential, Format, Placement, signing},
};

/// Virtual milliseconds that a call takes.
const STEP_MS: u64 = 1;
/// Time of day when the virtual clock starts, in seconds.
const EPOCH_SECONDS: i64 = 1_750_000_000;

pub struct Direct {
    front: Front,
    translator: Translator,
    now_ms: AtomicU64,
    n_sent: AtomicU64,
}

impl Direct {
    /// Calls every service of a front with the mock's well-known credentials, in the first way that its specs list.
    pub fn new(set: Arc<SpecSet>, front: Front) -> Self {
        let pair =
            |(id, secret): (&str, &str)| Credential { id: id.into(), secret: secret.to_owned().into(), token: None };
        let mut targets = BTreeMap::new();
        for (index, service) in set.services.iter().enumerate() {
            let scheme = service.signing.first().cloned().unwrap_or_default();
            let placements = signing::find(&scheme).map_or(&[][..], |scheme| scheme.placements());
            let json = placements.contains(&Placement::PostJson);
            let Ok(url) = Url::parse("http://127.0.0.1/") else { continue };
            let target = Target {
                url,
                credential: pair(MAIN),
                restricted: Some(pair(RESTRICTED)),
                scheme,
                placement: if json { Placement::PostJson } else { Placement::PostQuery },
                format: Format::Json,
            };
            targets.insert(index, target);
        }
        Self { front, translator: Translator::new(set, targets), now_ms: AtomicU64::new(0), n_sent: AtomicU64::new(0) }
    }

    /// Answers at once.
    pub fn answer(&self, call: &Call) -> Reply {
        let Some(target) = self.translator.targets.get(&call.operation.service) else {
            return Reply::NotSent { reason: "no endpoint for this service".into() };
        };
        let now = self.now_ms.fetch_add(STEP_MS, Ordering::Relaxed);
        let seconds = EPOCH_SECONDS.saturating_add(i64::try_from(now / 1_000).unwrap_or(i64::MAX));
        let number = self.n_sent.fetch_add(1, Ordering::Relaxed);
        let Some(stamp) = self.translator.stamp(call, seconds, || format!("{number:032x}")) else {
            return Reply::NotSent { reason: NO_NONCE.into() };
        };
        let request = match self.translator.request(target, call, &stamp) {
            Ok(request) => request,
            Err(reason) => return Reply::NotSent { reason },
        };
        let reply = self.translator.read(call.operation, &self.front.respond(&request, seconds, now));
        self.translator.remember(call, stamp, &reply);
        reply
    }
}

impl Endpoint for Direct {
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
        "direct".into()
    }
}
