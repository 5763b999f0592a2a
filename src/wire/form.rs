//! Names and values of a query or of a form body.
//!
//! Reading is lenient, as every real client spells a little differently (`+` or `%20` for a space, `*` bare or as
//! `%2A`); writing is strict: only unreserved characters (RFC 3986, section 2.3) stay bare. Verifiers read, then write
//! again, so that the spelling on the wire never matters where a scheme signs the canonical spelling.

use indexmap::IndexMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use super::HttpRequest;

/// Content type of a form body.
pub const FORM: &str = "application/x-www-form-urlencoded";

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes everything but `A-Z a-z 0-9 - _ . ~`, as UTF-8 with upper-case hex digits.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Writes pairs in the order given; an empty value keeps its `=`.
pub fn write<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(utf8_percent_encode(name, ENCODED));
        text.push('=');
        text.extend(utf8_percent_encode(value, ENCODED));
    }
    text
}

/// Writes pairs sorted by raw name, by code point. Pairs of one name keep their order, since the last one counts.
pub fn write_sorted<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut sorted: Vec<_> = pairs.into_iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    write(sorted)
}

/// Reads pairs in the order sent; a pair without `=` has an empty value.
///
/// Bytes that are not UTF-8 become U+FFFD. Signatures are checked over what was read, so nothing gets past them.
pub fn read(raw: &[u8]) -> Vec<(String, String)> {
    raw.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (decode(&pair[..equals]), decode(&pair[equals + 1..])),
            None => (decode(pair), String::new()),
        })
        .collect()
}

fn decode(raw: &[u8]) -> String {
    let spaced: Vec<u8> = raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

/// Whether the request says that its body is a form.
pub fn is_form(request: &HttpRequest) -> bool {
    request.header("content-type").is_some_and(|value| {
        let kind = value.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case(FORM)
    })
}

/// Query and form body as one map, the body over the query.
///
/// A map and not a list: real clients send some parameters in both places and sign them once.
pub fn merged(request: &HttpRequest) -> IndexMap<String, String> {
    let mut parameters: IndexMap<_, _> = read(request.query.as_bytes()).into_iter().collect();
    if is_form(request) {
        parameters.extend(read(&request.body));
    }
    parameters
}
