//! What the caller is told of an answer that came whole.

use super::{Judgements, Said, Trial};
use crate::sdk::{bench::Surfaced, catalogue::Aspect, protocol::Shown, spoil::Spoil};

pub(super) fn judge(trial: &Trial<'_>, found: &mut Judgements) {
    let Some((arrival, said)) = trial.is_settled() else { return };
    let spoil = &arrival.treatment.spoil;
    match said {
        Said::Success(fields) => success(trial, spoil, &fields, found),
        // Nothing of a refusal is spelled otherwise.
        Said::Refused { .. } if *spoil == Spoil::Respelled => {}
        Said::Refused { status, code, message, request_id } => {
            let requirement = match spoil {
                Spoil::Nothing => "answer/error",
                spoil => spoil.requirement(),
            };
            let is_decorated = matches!(spoil, Spoil::ContentType(_));
            if trial.is_success() {
                let how = if is_decorated { format!(" ({})", spoil.text()) } else { String::new() };
                let summary = format!("{status} {code} surfaces as success{how}");
                found.broken(requirement, "error as success", summary, format!("an error with code {code}"));
                return;
            }
            if is_decorated {
                // What it shows otherwise is a matter of the documented content type.
                return found.met(requirement);
            }
            let Surfaced::Error(shown) = &trial.seen.surfaced else {
                let what = trial.foreign().unwrap_or_default();
                let summary = format!("{status} {code} surfaces as {what}");
                return found.broken(requirement, "nothing surfaces", summary, format!("an error with code {code}"));
            };
            match trial.foreign() {
                Some(class) => {
                    let summary = format!("{status} {code} surfaces as {class}, which is no error of the SDK");
                    let expected = format!("an error of the SDK, with code {code}");
                    return found.broken(requirement, "a foreign error", summary, expected);
                }
                None => found.met(requirement),
            }
            // Throttling and the like are errors like any other from here on.
            let is_error = matches!(spoil, Spoil::Nothing | Spoil::Refusal { .. });
            if is_error {
                aspects(trial, shown, &Refusal { status, code, message, request_id }, found);
            }
        }
    }
    state(trial, found);
}

struct Refusal {
    status: u16,
    code: String,
    message: String,
    request_id: Option<String>,
}

fn success(
    trial: &Trial<'_>,
    spoil: &Spoil,
    fields: &serde_json::Map<String, serde_json::Value>,
    found: &mut Judgements,
) {
    if let Spoil::ContentType(_) = spoil {
        // A caution that errs is none of this requirement's business: no error surfaces as success.
        return found.met("trouble/content-type");
    }
    if let Spoil::Respelled = spoil {
        let answer = fields.values().any(|value| value.is_number() || value.is_boolean());
        if answer {
            found.settle("trouble/respelled", trial.is_success(), "success as error", || {
                ("a success whose numbers are spelled as texts surfaces as an error".into(), "a success".into())
            });
        }
        return;
    }
    found.settle("answer/success", trial.is_success(), "success as error", || {
        ("a success of the service surfaces as an error".into(), "a success".into())
    });
    // Of companions, the specs have no more than sequences need.
    if trial.is_success() && trial.set.operation(trial.seen.operation).is_documented() {
        let missing = trial.missing_field(fields);
        found.settle("answer/fields", missing.is_none(), "a field is lost", || {
            let name = missing.clone().unwrap_or_default();
            (
                format!("the caller cannot see {name} of a success"),
                serde_json::Value::Object(fields.clone()).to_string(),
            )
        });
    }
}

fn aspects(trial: &Trial<'_>, shown: &Shown, refusal: &Refusal, found: &mut Judgements) {
    for aspect in &trial.adapter.shows {
        // Whoever takes one error for another has another message for it.
        if *aspect == Aspect::Message && found.is_broken("answer/code") {
            continue;
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".into());
        let (requirement, is_met, what, expected, actual) = match aspect {
            Aspect::Code => {
                let is_met = shown.code.as_deref() == Some(&refusal.code);
                ("answer/code", is_met, "code", refusal.code.clone(), text(&shown.code))
            }
            Aspect::Message => {
                let is_met = shown.message.as_deref().unwrap_or_default().contains(&refusal.message);
                ("answer/message", is_met, "message", refusal.message.clone(), text(&shown.message))
            }
            Aspect::Status => {
                let actual = shown.status.map_or_else(|| "nothing".into(), |status| status.to_string());
                ("answer/status", shown.status == Some(refusal.status), "status", refusal.status.to_string(), actual)
            }
            Aspect::RequestId => {
                let Some(id) = &refusal.request_id else { continue };
                (
                    "answer/request-id",
                    shown.request_id.as_ref() == Some(id),
                    "request id",
                    id.clone(),
                    text(&shown.request_id),
                )
            }
        };
        found.settle(requirement, is_met, &format!("another {what}"), || {
            (format!("the {what} of {} surfaces as {actual:?}", refusal.code), format!("{expected:?}"))
        });
    }
}

/// What the caller is told agrees with what was done.
pub(super) fn state(trial: &Trial<'_>, found: &mut Judgements) {
    let Surfaced::Error(shown) = &trial.seen.surfaced else {
        if trial.is_success() && !found.list.iter().any(|judgement| judgement.breach.is_some()) {
            found.met("answer/state");
        }
        return;
    };
    let is_named = trial.seen.arrivals.iter().filter_map(|arrival| trial.said(arrival)).any(|said| match said {
        Said::Refused { code, .. } => shown.code.as_ref() == Some(&code),
        Said::Success(_) => false,
    });
    if is_named {
        found.settle("answer/state", trial.seen.went.is_empty(), "refused, and done", || {
            let code = shown.code.clone().unwrap_or_default();
            (format!("the caller is told {code}, and {} is gone", trial.seen.went.join(", ")), "what was done".into())
        });
    }
}
