//! The target of a request line, without what only a proxy needs.

/// Path of a request target: `http://host/a` and `/a` both give `/a`, an empty path gives `/`.
pub fn path(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => match rest.find('/') {
            Some(start) => &rest[start..],
            None => "/",
        },
        _ => target,
    };
    if path.is_empty() { "/" } else { path }
}
