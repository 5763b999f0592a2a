//! Whether an outcome explains a reply.

use crate::{
    history::Reply,
    model::{Answer, Outcome, Refused},
    spec::{
        Operation, Service,
        operation::{Code, Row},
        service::Means,
    },
};

/// How a reply is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// To be judged.
    Definite,
    /// Says nothing about the documents: throttled, failed inside, lost. It may have happened or not.
    Inconclusive(String),
    /// The credentials were refused, so nothing happened.
    Unauthenticated(String),
}

/// Sorts out replies that are not to be judged.
pub fn standing(service: &Service, operation: &Operation, reply: &Reply) -> Standing {
    match reply {
        Reply::Success { .. } => Standing::Definite,
        Reply::NotSent { reason } => Standing::Inconclusive(reason.clone()),
        Reply::Trouble(trouble) => Standing::Inconclusive(format!("{}: {}", trouble.kind.name(), trouble.text)),
        Reply::Refused { status, code, message, .. } => {
            if let Some(row) = operation.rows.iter().find(|row| row.unprovokable && matches(&row.codes, code)) {
                return Standing::Inconclusive(format!("{code}: {}", row.message));
            }
            let documented = operation.rows.iter().any(|row| row.documented && matches(&row.codes, code));
            if documented {
                return Standing::Definite;
            }
            let meaning = service.common.iter().find(|common| common.code.matches(code)).map(|common| common.means);
            match meaning {
                Some(Means::Throttled) => Standing::Inconclusive(format!("throttled: {code}")),
                Some(Means::Unavailable) => Standing::Inconclusive(format!("the service failed: {code}: {message}")),
                Some(Means::Quota) if !operation.is_documented() => Standing::Inconclusive(format!("quota reached: {code}")),
                Some(Means::Credentials) => Standing::Unauthenticated(format!("{code}: {message}")),
                _ if *status >= 500 => Standing::Inconclusive(format!("the service failed: {status} {code}")),
                _ => Standing::Definite,
            }
        }
    }
}

/// Whether an outcome is what the reply says.
pub fn explains(service: &Service, operation: &Operation, outcome: &Outcome, reply: &Reply) -> bool {
    match (&outcome.answer, reply) {
        (Answer::Success, Reply::Success { .. }) => true,
        (Answer::Refused(refused), Reply::Refused { status, code, .. }) => match refused {
            Refused::Row(row) => {
                let row = &operation.rows[*row];
                matches(&row.codes, code) && fits_status(row, code, *status)
            }
            Refused::Common(common) => service.common[*common].code.matches(code),
            Refused::Any => true,
        },
        _ => false,
    }
}

/// A row's documented status goes with its code; refusals without a row say nothing of the status.
fn fits_status(row: &Row, _code: &str, status: u16) -> bool {
    !row.documented || row.status.is_none_or(|documented| documented == status)
}

pub fn matches(codes: &[Code], code: &str) -> bool {
    codes.iter().any(|pattern| pattern.matches(code))
}

/// The documents of the operation, or the vendor's common lists, know the code.
pub fn is_documented(service: &Service, operation: &Operation, code: &str) -> bool {
    let named = |codes: &[Code]| codes.iter().any(|pattern| *pattern != Code::Any && pattern.matches(code));
    operation.rows.iter().any(|row| named(&row.codes)) || service.common.iter().any(|common| common.code.matches(code))
}

/// What an outcome would have answered, in words.
pub fn words(service: &Service, operation: &Operation, outcome: &Outcome) -> String {
    match &outcome.answer {
        Answer::Success => "success".into(),
        Answer::Refused(Refused::Row(row)) => {
            let row = &operation.rows[*row];
            let codes: Vec<String> = row.codes.iter().map(code_words).collect();
            match row.status.filter(|_| row.documented) {
                Some(status) => format!("{status} {}", codes.join(" or ")),
                None => codes.join(" or "),
            }
        }
        Answer::Refused(Refused::Common(common)) => service.common[*common].text.clone(),
        Answer::Refused(Refused::Any) => "a refusal".into(),
    }
}

fn code_words(code: &Code) -> String {
    match code {
        Code::Exact(exact) => exact.clone(),
        Code::Pattern { before, after } => format!("{before}…{after}"),
        Code::Any => "a refusal".into(),
    }
}
