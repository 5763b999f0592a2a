//! What travels otherwise than the protocol has it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Bug, Draft, Subject};
use crate::{
    history::Reply,
    mutant::fault::{Responses, shared},
    wire::HttpResponse,
};

/// Makes another response of one.
type Distort = fn(&HttpResponse) -> HttpResponse;

/// The error object is inside another.
pub fn envelope(subject: &Subject<'_>) -> Vec<Draft> {
    errors(subject, "wraps the error in another object, answering", |response| {
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        HttpResponse { body: json!({ "error": body }).to_string().into_bytes(), ..response.clone() }
    })
}

/// An error comes with the status of a success; where the protocol sends all with that, with that of an error.
pub fn status(subject: &Subject<'_>) -> Vec<Draft> {
    errors(subject, "sends a wrong HTTP status, answering", |response| HttpResponse {
        status: if response.status == 200 { 400 } else { 200 },
        ..response.clone()
    })
}

/// A success is cut off, empty, wrapped, a page for people, or sent with the status of an error.
pub fn broken(subject: &Subject<'_>) -> Vec<Draft> {
    let ways: [(&str, &str, Distort); 5] = [
        ("cut", "cuts off the body of a success", |response| {
            let half = response.body[..response.body.len() / 2].to_vec();
            HttpResponse { body: half, ..response.clone() }
        }),
        ("empty", "sends a success without a body", |response| HttpResponse { body: Vec::new(), ..response.clone() }),
        ("wrapped", "wraps a success in another object", |response| {
            let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            HttpResponse { body: json!({ "data": body }).to_string().into_bytes(), ..response.clone() }
        }),
        ("page", "sends a page for people in place of a success", |_| HttpResponse {
            status: 502,
            headers: vec![("Content-Type".into(), "text/html".into())],
            body: b"<html><body>Bad Gateway</body></html>".to_vec(),
        }),
        ("status", "sends a success with the status of an error", |response| HttpResponse {
            status: 404,
            ..response.clone()
        }),
    ];
    let at = subject.at;
    let drafts = ways.map(|(name, text, distort)| Draft {
        local: name.into(),
        breaks: subject.basics.success,
        text: text.into(),
        bug: Bug::Wire(Arc::new(move || {
            shared(Responses(at, move |reply: &Reply, response: &HttpResponse| {
                matches!(reply, Reply::Success { .. }).then(|| distort(response))
            }))
        })),
    });
    drafts.into()
}

/// One mutant for each documented error.
fn errors(subject: &Subject<'_>, verb: &str, distort: Distort) -> Vec<Draft> {
    let at = subject.at;
    let rows = subject.documented();
    rows.map(|(_, row, _)| {
        let codes = row.codes.clone();
        Draft {
            local: subject.row_name(row),
            breaks: subject.row_requirement(row),
            text: format!("{verb} {}", subject.row_name(row)),
            bug: Bug::Wire(Arc::new(move || {
                let codes = codes.clone();
                shared(Responses(at, move |reply: &Reply, response: &HttpResponse| {
                    let Reply::Refused { code, .. } = reply else { return None };
                    codes.iter().any(|known| known.matches(code)).then(|| distort(response))
                }))
            })),
        }
    })
    .collect()
}
