//! Puts parameters where a placement wants them, and takes them away again.

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

/// The request without a header.
pub fn without_header(mut request: HttpRequest, name: &str) -> HttpRequest {
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    request
}

/// The request without a parameter, whether it travels in the query or in a form; what is left keeps its spelling.
pub fn without_parameter(mut request: HttpRequest, name: &str) -> HttpRequest {
    let is_other = |pair: &&str| pair.split('=').next() != Some(name);
    let without = |pairs: &str| pairs.split('&').filter(is_other).collect::<Vec<_>>().join("&");
    request.query = without(&request.query);
    if form::is_form(&request) {
        request.body = without(&String::from_utf8_lossy(&request.body)).into_bytes();
    }
    request
}
