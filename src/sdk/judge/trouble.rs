//! What the caller is told when the answer is lost or spoiled, and what is sent again.

use std::time::Duration;

use super::{Judgements, Said, Trial, answer};
use crate::sdk::{
    bench::Surfaced,
    generate::cause,
    spoil::{Meaning, Spoil},
};

/// How much longer than its time-outs a call may take: machines are busy.
const SLACK: Duration = Duration::from_secs(4);

pub(super) fn judge(trial: &Trial<'_>, found: &mut Judgements) {
    let arrivals = &trial.seen.arrivals;
    let Some(last) = arrivals.last() else { return };
    let spoil = &arrivals[0].treatment.spoil;
    if trial.retries() > 0 {
        return judge_retried(trial, found);
    }
    // A success has no code to lose.
    if spoil.meaning() == Meaning::Blurred && matches!(trial.said(last), Some(Said::Success(_))) {
        return;
    }
    let requirement = spoil.requirement();
    if trial.is_success() {
        let told = matches!(spoil, Spoil::Xml { .. })
            && matches!(trial.said(last), Some(Said::Success(fields)) if trial.missing_field(&fields).is_none());
        let what = match spoil {
            Spoil::Redirect { status } => format!("HTTP {status} is followed, and surfaces as success"),
            spoil => format!("{} surfaces as success", spoil.text()),
        };
        found.settle(requirement, told, "trouble as success", || (what, "an error".into()));
    } else {
        found.met(requirement);
        bounded(trial, found);
        class(trial, found);
    }
}

/// An error of the SDK, rather than of its language or of a library below it.
fn class(trial: &Trial<'_>, found: &mut Judgements) {
    let spoil = &trial.seen.arrivals[0].treatment.spoil;
    let foreign = trial.foreign();
    let class = foreign.clone().unwrap_or_default();
    found.settle("trouble/error-class", foreign.is_none(), "a foreign error", || {
        let what = spoil.text();
        (format!("{what} surfaces as {class}, which is no error of the SDK"), "an error of the SDK".into())
    });
}

fn bounded(trial: &Trial<'_>, found: &mut Judgements) {
    if !trial.seen.arrivals.iter().any(|arrival| arrival.treatment.spoil == Spoil::Silence) {
        return;
    }
    let attempts = u32::try_from(trial.seen.arrivals.len()).unwrap_or(u32::MAX);
    let limit = Duration::from_millis(trial.seen.call.options.timeout_ms).saturating_mul(attempts);
    let is_met = trial.seen.took <= limit + SLACK && trial.seen.surfaced != Surfaced::Hung;
    found.settle("trouble/silence", is_met, "too late", || {
        let took = trial.seen.took.as_secs_f64();
        (format!("the caller waits {took:.1} s"), format!("an error after {:.1} s", limit.as_secs_f64()))
    });
}

/// The SDK was asked to retry.
fn judge_retried(trial: &Trial<'_>, found: &mut Judgements) {
    let arrivals = &trial.seen.arrivals;
    let said = |index: usize| {
        let arrival = &arrivals[index];
        let is_whole = arrival.treatment.spoil.meaning() == Meaning::Kept;
        trial.said(arrival).filter(|_| is_whole)
    };
    let allowed = trial.retries() as usize + 1;
    let succeeded = (0..arrivals.len()).find(|index| matches!(said(*index), Some(Said::Success(_))));
    if let Some(attempt) = succeeded.filter(|attempt| *attempt > 0) {
        let is_met = trial.is_success() && attempt + 1 == arrivals.len();
        found.settle("trouble/retried", is_met, "success as failure", || {
            let more = arrivals.len() - attempt - 1;
            let more = if more > 0 { format!(", {more} more followed") } else { String::new() };
            let what = if trial.is_success() { "a success" } else { "an error" };
            (format!("attempt {} succeeded{more}, and the caller is told of {what}", attempt + 1), "a success".into())
        });
        if !is_met {
            return;
        }
    }
    let fit = arrivals.len() <= allowed;
    let asked = trial.retries();
    found.settle("trouble/retries", fit, "too many attempts", || {
        (
            format!("{} requests are sent where {asked} retries were asked for", arrivals.len()),
            format!("at most {allowed}"),
        )
    });
    for (index, arrival) in arrivals.iter().enumerate() {
        let Some(cause) = cause(&arrival.treatment) else { continue };
        let again = index + 1 < arrivals.len();
        let documented = trial.adapter.retries_on(cause);
        // What may not be repeated safely is a matter of its own requirement.
        if index + 1 >= allowed || again == documented || arrival.treatment.is_loss() {
            continue;
        }
        let what = arrival.treatment.spoil.text();
        let (symptom, summary) = if again {
            ("retried undocumented", format!("{what} is retried"))
        } else {
            ("not retried", format!("{what} is not retried"))
        };
        found.broken("trouble/retries", symptom, summary, if documented { "a retry" } else { "no retry" });
    }
    if trial.is_success() && succeeded.is_none() {
        let requirement = arrivals[0].treatment.spoil.requirement();
        let what = format!("no attempt succeeded, and {} surfaces as success", arrivals[0].treatment.spoil.text());
        found.broken(requirement, "trouble as success", what, "an error");
    } else if !trial.is_success() {
        class(trial, found);
        bounded(trial, found);
        answer::state(trial, found);
    }
}

/// A delete whose answer is lost is not sent again.
pub(super) fn judge_repeats(trial: &Trial<'_>, found: &mut Judgements) {
    let arrivals = &trial.seen.arrivals;
    let deletes = trial.set.operation(trial.seen.operation).changes();
    let Some(index) = arrivals.iter().position(|arrival| arrival.treatment.is_loss()).filter(|_| deletes) else {
        return;
    };
    let again = arrivals.len() > index + 1;
    found.settle("trouble/repeated-delete", !again, "sent again", || {
        let what = arrivals[index].treatment.spoil.text();
        let asked = if trial.retries() > 0 { "retries were asked for" } else { "nobody asked for retries" };
        (format!("after {what}, the delete is sent again ({asked})"), "an error: the outcome is unknown".into())
    });
}
