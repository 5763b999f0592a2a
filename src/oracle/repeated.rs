//! Whether requests that arrived twice explain what overlapping calls were answered.

use super::{
    finding::{Judged, Reason},
    judge::in_order,
    race::{Lanes, overlapped},
};
use crate::{history::History, sequence::Script, spec::SpecSet};

/// Whether some order explains everything, if calls that overlap may each have arrived twice: whoever sits between can send
/// a request once more, and the answer is that of one of them.
///
/// Not where nothing is found in the first place, nor where nobody knows, because there are too many orders.
pub fn is_explained_by_repetition(set: &SpecSet, script: &Script, history: &History) -> bool {
    let overlapped = overlapped(set, script, history);
    let judged = |lanes: Lanes| -> Judged { in_order(set, script, history, &overlapped, lanes) };
    let (once, twice) = (judged(Lanes::Overlapping), judged(Lanes::Repeating));
    let Some(found) = once.findings.first() else { return false };
    let is_known = |reason: &Reason| reason.command > found.command || once.reasons.contains(reason);
    twice.findings.is_empty() && twice.reasons.iter().all(is_known)
}
