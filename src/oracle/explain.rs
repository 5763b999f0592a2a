//! Whether an outcome explains a reply.

use crate::{
    history::{Reply, TroubleKind},
    model::{Answer, Caller, Outcome, Refused},
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
    /// Says nothing about the documents: failed inside, lost. It may have happened or not.
    Inconclusive(String),
    /// Says nothing about the documents, and nothing happened: throttled, over a quota.
    Denied(String),
    /// The same, but what the same call may not earn every time: no answer, a broken one, a failure inside.
    Failed(String),
    /// The credentials were refused, so nothing happened.
    Unauthenticated(String),
}

/// Sorts out replies that are not to be judged.
pub fn standing(service: &Service, operation: &Operation, caller: Caller, reply: &Reply) -> Standing {
    match reply {
        Reply::Success { .. } => Standing::Definite,
        Reply::NotSent { reason } => Standing::Inconclusive(reason.clone()),
        Reply::Trouble(trouble) if trouble.kind == TroubleKind::Unreachable => {
            Standing::Inconclusive(format!("{}: {}", trouble.kind.name(), trouble.text))
        }
        Reply::Trouble(trouble) => Standing::Failed(format!("{}: {}", trouble.kind.name(), trouble.text)),
        Reply::Refused { status, code, message, .. } => {
            if operation.rows.iter().any(|row| row.unprovokable && matches(&row.codes, code)) {
                return Standing::Failed(format!("{status} {code}: {message}"));
            }
            let documented = operation.rows.iter().any(|row| row.documented && matches(&row.codes, code));
            if documented {
                return Standing::Definite;
            }
            match service.means(code) {
                Some(Means::Throttled) => Standing::Denied(format!("throttled: {code}")),
                Some(Means::Unavailable) => Standing::Failed(format!("the service failed: {code}: {message}")),
                Some(Means::Quota) if !operation.is_documented() => Standing::Denied(format!("quota reached: {code}")),
                // Only those who prove who they are must be let in.
                Some(Means::Credentials) if caller.is_authentic() => {
                    Standing::Unauthenticated(format!("{code}: {message}"))
                }
                _ if *status >= 500 => Standing::Failed(format!("the service failed: {status} {code}")),
                _ => Standing::Definite,
            }
        }
    }
}

/// How well an outcome explains a reply.
///
/// Within one world the better explanation counts: a code that a row names was not answered by chance where any refusal
/// would do as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Any refusal would do.
    Loose,
    /// A common code of the vendor.
    Common,
    /// A code that is permitted, but that no condition asks for.
    Permitted,
    /// The code itself.
    Exact,
}

/// Whether an answer, due or merely permitted, is what the reply says, and how well.
pub fn explains(service: &Service, operation: &Operation, answer: &Answer, due: bool, reply: &Reply) -> Option<Fit> {
    match (answer, reply) {
        (Answer::Success, Reply::Success { .. }) => Some(Fit::Exact),
        (Answer::Refused(refused), Reply::Refused { status, code, .. }) => match refused {
            Refused::Row(row) => {
                let row = &operation.rows[*row];
                let fit = match (names(row, code), due) {
                    (true, true) => Fit::Exact,
                    (true, false) => Fit::Permitted,
                    (false, _) => Fit::Loose,
                };
                let fits =
                    if row.documented { fits_status(row, *status) } else { has_status(operation, code, *status) };
                // A code that the document knows means what the document says: it is no code like any other.
                let taken = fit == Fit::Loose && operation.rows.iter().any(|row| row.documented && names(row, code));
                (matches(&row.codes, code) && fits && !taken).then_some(fit)
            }
            Refused::Common(common) => {
                let common = &service.common[*common];
                let is_meant = common.code.matches(code) && service.means(code) == Some(common.means);
                let fits = is_meant && has_status(operation, code, *status);
                // A parameter that has to be there is not: reason enough, unless the document has a row for it.
                let mut documented = operation.rows.iter().filter(|row| row.documented);
                let own = common.means == Means::Missing && !documented.any(|row| names(row, code));
                let fit = if own { Fit::Exact } else { Fit::Common };
                fits.then_some(fit)
            }
            Refused::Any => Some(Fit::Loose),
        },
        _ => None,
    }
}

/// The row has the code itself, not just any refusal.
pub fn names(row: &Row, code: &str) -> bool {
    row.codes.iter().any(|pattern| *pattern != Code::Any && pattern.matches(code))
}

fn fits_status(row: &Row, status: u16) -> bool {
    row.status.is_none_or(|documented| documented == status)
}

/// A documented status goes with its code, for whatever reason the code is answered.
fn has_status(operation: &Operation, code: &str, status: u16) -> bool {
    let mut naming = operation.rows.iter().filter(|row| row.documented && matches(&row.codes, code)).peekable();
    naming.peek().is_none() || naming.any(|row| fits_status(row, status))
}

pub fn matches(codes: &[Code], code: &str) -> bool {
    codes.iter().any(|pattern| pattern.matches(code))
}

/// The documents of the operation, or the vendor's common lists, know the code.
pub fn is_documented(service: &Service, operation: &Operation, code: &str) -> bool {
    operation.rows.iter().any(|row| names(row, code)) || service.means(code).is_some()
}

/// An outcome in words: each answer that it permits.
pub fn words(service: &Service, operation: &Operation, outcome: &Outcome) -> Vec<String> {
    match &outcome.answer {
        Answer::Success => vec!["success".into()],
        Answer::Refused(Refused::Row(row)) => {
            let row = &operation.rows[*row];
            let mut codes: Vec<String> = row.codes.iter().map(code_words).collect();
            if let (Some(status), Some(first)) = (row.status.filter(|_| row.documented), codes.first_mut()) {
                first.insert_str(0, &format!("{status} "));
            }
            codes
        }
        Answer::Refused(Refused::Common(common)) => vec![service.common[*common].text.clone()],
        Answer::Refused(Refused::Any) => vec![ANY.into()],
    }
}

/// Any code, but for those that mean something else.
pub const ANY: &str = "a refusal that no row stands for";

fn code_words(code: &Code) -> String {
    match code {
        Code::Exact(exact) => exact.clone(),
        Code::Pattern { before, after } => format!("{before}…{after}"),
        Code::Any => ANY.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Fit, Refused, Reply, explains};
    use crate::model::shop::{DELETE, param, row, shop};

    #[test]
    fn a_documented_status_goes_with_its_code() {
        let refusal = |codes: &str| format!("[[refusal]]\nwhen = \"Text == 'b'\"\ncodes = [{codes}]\n");
        let tables = param("Text", "text", "")
            + &row("Gone", "Text == 'a'")
            + "status = 404\n"
            + &refusal("\"Gone\"")
            + &refusal("\"*\"");
        let set = shop(&tables);
        let (service, operation) = (set.service(DELETE), set.operation(DELETE));
        let [gone, named, any] = [0, 1, 2];
        let check = |row: usize, due: bool, status: u16, code: &str, expected: Option<Fit>| {
            let reply = Reply::Refused { status, code: code.into(), message: String::new(), request_id: None };
            let found = explains(service, operation, &Answer::Refused(Refused::Row(row)), due, &reply);
            assert_eq!(found, expected, "{row} {status} {code}");
        };
        check(gone, true, 404, "Gone", Some(Fit::Exact));
        check(gone, false, 404, "Gone", Some(Fit::Permitted));
        check(gone, true, 400, "Gone", None);
        check(named, true, 404, "Gone", Some(Fit::Exact));
        check(named, true, 400, "Gone", None);
        check(any, true, 400, "Other", Some(Fit::Loose));
        // A code that the document knows is no code like any other.
        check(any, true, 404, "Gone", None);
    }
}
