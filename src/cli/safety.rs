//! What stands before URLs, and what it says when a run is over.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicBool},
};

use super::{failure::Failure, terminal};
use crate::{
    endpoint::{Endpoint, limits::Limits},
    guard::{
        Guarded, Ledger, LedgerError, Rules, Swept,
        sweep::{Left, sweep},
    },
    spec::SpecSet,
};

/// The guard of a run, and how to clean up after it.
pub struct Guard {
    pub endpoint: Arc<Guarded>,
    /// Services that can be called.
    pub services: BTreeSet<usize>,
    /// How long to wait for what was removed to be gone.
    pub patience_ms: u64,
    /// How long to wait for a list to show what a lost call made.
    pub settle_ms: u64,
}

/// Puts a guard before an endpoint.
pub fn guard(
    set: &Arc<SpecSet>,
    endpoint: Arc<dyn Endpoint>,
    rules: Rules,
    limits: Limits,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    services: BTreeSet<usize>,
) -> Guard {
    let endpoint = Arc::new(Guarded::new(set.clone(), endpoint, rules, limits, ledger, stop));
    Guard { endpoint, services, patience_ms: 0, settle_ms: 0 }
}

/// A guard that lets nothing pass but reads, because nothing can be recorded.
pub fn scout(set: &Arc<SpecSet>, endpoint: Arc<dyn Endpoint>) -> Guarded {
    let ledger = Ledger::closed();
    Guarded::new(set.clone(), endpoint, Rules::default(), Limits::default(), Arc::new(ledger), Arc::default())
}

/// A ledger that cannot be had.
pub fn failure(error: LedgerError) -> Failure {
    let help = match &error {
        LedgerError::Write { .. } => "nothing is created that cannot be recorded; `--ledger DIR` names another folder",
        LedgerError::Read { .. } | LedgerError::Unreadable { .. } | LedgerError::Busy { .. } => {
            "ledgers are written by `aswritten run`, one line each"
        }
    };
    let text = error.to_string();
    match error {
        LedgerError::Unreadable { .. } => Failure::usage(text),
        LedgerError::Busy { .. } => Failure::environment(text).help("wait for it to end, or end it"),
        _ => Failure::environment(text).help(help),
    }
}

impl Guard {
    /// Removes what is left of the run, and proves it.
    pub async fn sweep(&self, set: &SpecSet) -> Swept {
        sweep(set, &self.endpoint, &self.services, self.patience_ms, self.settle_ms).await
    }

    /// Says what became of what the run made.
    pub fn tell(&self, swept: &Swept, quiet: bool) {
        let run = self.endpoint.ledger().run();
        for doubt in &swept.doubts {
            terminal::warning(&format!("could not be looked at: {doubt}"));
        }
        for left in &swept.left {
            terminal::warning(&left_text(left));
        }
        if !swept.is_clean() {
            let path = self.endpoint.ledger().path().display().to_string();
            terminal::note(&format!("  `aswritten cleanup {run}` tries again; what the run made is in {path}"));
        } else if !quiet {
            terminal::note(&summary(&run, swept));
        }
    }
}

/// One line when everything is gone.
fn summary(run: &str, swept: &Swept) -> String {
    let mut text = match swept.gone {
        0 => format!("{run}: nothing is left, and nothing was"),
        gone => format!("{run}: {gone} made and gone, which reads prove"),
    };
    if swept.found > 0 {
        text.push_str(&format!("; {} of them found by lists", swept.found));
    }
    if swept.vanished > 0 {
        text.push_str(&format!("; of {} calls that named no id no list shows anything", swept.vanished));
    }
    text
}

fn left_text(left: &Left) -> String {
    let what = if left.id.is_empty() { format!("named {}", left.name) } else { left.id.clone() };
    let place = if left.region.is_empty() { String::new() } else { format!(" in {}", left.region) };
    format!("left behind: {} {} {what}{place}: {}", left.service, left.kind, left.why)
}
