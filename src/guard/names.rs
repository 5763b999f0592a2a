//! Every text in a value that a service may take for an id.

use std::collections::BTreeSet;

use serde_json::Value;

/// What separates ids in one text: commas are documented, the rest is what a lenient reader may take for a separator.
const SEPARATORS: &[char] = &[',', ';', '|', '"', '\'', '[', ']', '{', '}', '(', ')'];
/// JSON in a text in JSON in a text: nobody reads deeper.
const DEEPEST: usize = 4;

/// Ids that a value may name: itself, the members of lists and objects, and the parts of texts that hold several, be it
/// joined or as JSON.
pub fn named(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(value, DEEPEST, &mut found);
    found
}

fn collect(value: &Value, depth: usize, found: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => drop(found.insert(value.to_string())),
        Value::String(text) => collect_text(text, depth, found),
        Value::Array(list) => list.iter().for_each(|value| collect(value, depth, found)),
        Value::Object(map) => {
            for (key, value) in map {
                collect_text(key, depth, found);
                collect(value, depth, found);
            }
        }
    }
}

fn collect_text(text: &str, depth: usize, found: &mut BTreeSet<String>) {
    // An escape in JSON hides an id from whoever does not read JSON.
    if let Some(inner) = depth.checked_sub(1)
        && let Ok(value) = serde_json::from_str::<Value>(text)
        && !matches!(value, Value::Number(_) | Value::Bool(_) | Value::Null)
    {
        collect(&value, inner, found);
    }
    let is_separator = |letter: char| SEPARATORS.contains(&letter) || letter.is_whitespace() || letter.is_control();
    found.extend(text.split(is_separator).filter(|part| !part.is_empty()).map(str::to_owned));
}

/// The text may stand for many ids, or for one that is spelled in a way of its own.
///
/// What holds letters that no id has matches nothing, even as a pattern.
pub fn is_pattern(text: &str) -> bool {
    let of_ids = |letter: char| letter.is_ascii_alphanumeric() || "-_.:/".contains(letter);
    let of_patterns = |letter: char| "*?%\\^$~+&=#".contains(letter);
    text.chars().all(|letter| of_ids(letter) || of_patterns(letter)) && text.chars().any(of_patterns)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: Value, expected: &[&str]) {
        assert_eq!(named(&value), expected.iter().map(|text| (*text).to_owned()).collect(), "{value}");
    }

    #[test]
    fn every_spelling_is_seen() {
        check(json!("m-1"), &["m-1"]);
        check(json!(" m-1\t"), &["m-1"]);
        check(json!("m-1,m-2"), &["m-1", "m-2"]);
        check(json!("m-1; m-2|m-3\nm-4"), &["m-1", "m-2", "m-3", "m-4"]);
        check(json!(["m-1", ["m-2"]]), &["m-1", "m-2"]);
        check(json!(r#"["m-1","m-2"]"#), &["m-1", "m-2"]);
        check(json!("['m-1']"), &["m-1"]);
        check(json!({ "Id": "m-1" }), &["Id", "m-1"]);
        check(json!(12), &["12"]);
        check(json!(""), &[]);
        check(json!([]), &[]);
        check(Value::Null, &[]);
        assert!(named(&json!(r#"["m\u002d1"]"#)).contains("m-1"), "an escape hides nothing");
        assert!(named(&json!(r#""[\"m\\u002d1\"]""#)).contains("m-1"), "nor do two");
    }

    #[test]
    fn patterns() {
        for text in ["*", "m-*", "m-?1", "%", "m%2D1", "m-1+m-2"] {
            assert!(is_pattern(text), "{text}");
        }
        for text in ["m-1", "", "a b*", "m-测试*", "<id>&"] {
            assert!(!is_pattern(text), "{text}");
        }
    }
}
