//! Puts parameters where a placement wants them.

use crate::wire::{HttpRequest, Placement, form};

/// A request without its `Host` and without what a scheme keeps in headers.
///
/// With a JSON body the parameters go to the query: they can only be what the scheme itself adds.
pub fn place(placement: Placement, parameters: &[(String, String)], json: Option<Vec<u8>>) -> HttpRequest {
    let text = form::write(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let (method, query, body, content_type) = match placement {
        Placement::Get => ("GET", text, Vec::new(), None),
        Placement::PostQuery => ("POST", text, Vec::new(), None),
        Placement::PostForm => ("POST", String::new(), text.into_bytes(), Some(form::FORM)),
        Placement::PostJson => ("POST", text, json.unwrap_or_default(), Some("application/json")),
    };
    HttpRequest {
        method: method.to_owned(),
        path: "/".to_owned(),
        query,
        headers: content_type.map(|value| ("Content-Type".to_owned(), value.to_owned())).into_iter().collect(),
        body,
    }
}
