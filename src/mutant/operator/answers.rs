//! Wrong codes and statuses, and failures where an answer is due.

use super::{Draft, Subject, code_name};
use crate::{
    history::Reply,
    mock::fault::Situation,
    model::{Answer, Outcome, Refused, State},
    mutant::fault::{Outcomes, Replies},
    spec::{
        operation::{Code, Row},
        service::{Common, Means},
    },
};

/// A code that no document has.
const UNHEARD_OF: &str = "Aswritten.Unheard";

/// A row answers the code of the next one that means something else.
pub fn other_code(subject: &Subject<'_>) -> Vec<Draft> {
    let documented: Vec<&Row> = subject.operation.rows.iter().filter(|row| row.documented).collect();
    let mut drafts = Vec::new();
    for (index, row, _) in subject.documented() {
        let position = documented.iter().position(|known| std::ptr::eq(*known, row)).unwrap_or(0);
        let mut later = documented.iter().cycle().skip(position + 1).take(documented.len());
        let other = later.find_map(|other| match other.codes.first() {
            Some(Code::Exact(code)) if !other.unprovokable && !row.codes.iter().any(|known| known.matches(code)) => {
                Some(code.clone())
            }
            _ => None,
        });
        let Some(other) = other else { continue };
        let text = format!("answers {other} where {} is due", subject.row_name(row));
        drafts.push(recoded(subject, index, row, &other, None, text));
    }
    drafts
}

/// A row answers a code that no document has.
pub fn undocumented(subject: &Subject<'_>) -> Vec<Draft> {
    let rows = subject.documented();
    rows.map(|(index, row, _)| {
        let text = format!("answers {UNHEARD_OF} where {} is due", subject.row_name(row));
        recoded(subject, index, row, UNHEARD_OF, None, text)
    })
    .collect()
}

/// A row answers with another status than documented.
pub fn other_status(subject: &Subject<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, row, _) in subject.documented() {
        let Some(status) = row.status else { continue };
        let other = if status == 400 { 403 } else { 400 };
        let name = subject.row_name(row);
        let text = format!("answers {name} with status {other} where {status} is documented");
        drafts.push(Draft::rewrite(name, subject.row_requirement(row), text, move |operation| {
            operation.rows[index].status = Some(other);
        }));
    }
    drafts
}

/// A row answers that the service failed.
pub fn failure(subject: &Subject<'_>) -> Vec<Draft> {
    let (code, status) = unavailable(subject);
    let rows = subject.documented();
    rows.map(|(index, row, _)| {
        let text = format!("answers {status} {code} where {} is due", subject.row_name(row));
        recoded(subject, index, row, &code, Some(status), text)
    })
    .collect()
}

fn recoded(subject: &Subject<'_>, index: usize, row: &Row, code: &str, status: Option<u16>, text: String) -> Draft {
    let code = code.to_owned();
    Draft::rewrite(subject.row_name(row), subject.row_requirement(row), text, move |operation| {
        operation.rows[index].codes = vec![Code::Exact(code.clone())];
        operation.rows[index].status = status.or(operation.rows[index].status);
    })
}

/// What nothing forbids is refused, with the first code of the table, and with one that no document has.
pub fn refuse_success(subject: &Subject<'_>) -> Vec<Draft> {
    let at = subject.at;
    let mut drafts = Vec::new();
    if let Some((row, described, _)) = subject.documented().next() {
        let text = format!("refuses every call that should succeed with {}", subject.row_name(described));
        drafts.push(Draft::behaviour(subject.row_name(described), subject.basics.success, text, move || {
            Outcomes(at, move |_: &Situation<'_>, _: &State, healthy: &Outcome| {
                let answer = Answer::Refused(Refused::Row(row));
                let refused = Outcome { answer, changes: Vec::new(), later: Vec::new(), ..healthy.clone() };
                (healthy.answer == Answer::Success).then_some(refused)
            })
        }));
    }
    let text = format!("does every call that should succeed, and answers {UNHEARD_OF}");
    drafts.push(Draft::behaviour("undocumented", subject.basics.success, text, move || {
        Replies(at, |_: &Situation<'_>, reply: &Reply| refused(reply, UNHEARD_OF, 400))
    }));
    drafts
}

/// It is done, and a failure of the service is answered.
pub fn fail_success(subject: &Subject<'_>) -> Vec<Draft> {
    let (code, status) = unavailable(subject);
    let at = subject.at;
    let text = format!("does every call that should succeed, and answers {status} {code}");
    vec![Draft::behaviour(code.clone(), subject.basics.success, text, move || {
        let code = code.clone();
        Replies(at, move |_: &Situation<'_>, reply: &Reply| refused(reply, &code, status))
    })]
}

/// A refusal in place of a success.
fn refused(reply: &Reply, code: &str, status: u16) -> Option<Reply> {
    let Reply::Success { fields, .. } = reply else { return None };
    Some(Reply::Refused {
        status,
        code: code.to_owned(),
        message: "The request has failed.".into(),
        request_id: fields.get("RequestId").and_then(|id| id.as_str()).map(str::to_owned),
    })
}

/// The code and status by which the service says that it failed.
fn unavailable(subject: &Subject<'_>) -> (String, u16) {
    let failures = || {
        let unavailable = |common: &&Common| common.means == Means::Unavailable;
        subject.service.common.iter().filter(unavailable).filter(|common| matches!(common.code, Code::Exact(_)))
    };
    let common = failures().find(|common| common.status == Some(500)).or_else(|| failures().next());
    common
        .map_or_else(|| ("InternalError".into(), 500), |common| (code_name(&common.code), common.status.unwrap_or(500)))
}
