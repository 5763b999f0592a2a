//! How flat pairs are read and written, rule by rule.

use aswritten::wire::{Shape, flatten, xml};
use serde_json::{Value, json};

use crate::support::list;

fn shape(name: &str) -> Option<Shape> {
    Some(match name {
        "T" | "Disk.Size" => Shape::Text,
        "I" => Shape::Integer,
        "B" => Shape::Boolean,
        "L" => list(Shape::Text),
        "O" => Shape::Object(vec![("M".to_owned(), list(Shape::Integer))]),
        "F" => list(Shape::Object(vec![("N".to_owned(), Shape::Text), ("V".to_owned(), list(Shape::Text))])),
        "J" => Shape::JsonText(Box::new(list(Shape::Text))),
        "D" => Shape::JsonText(Box::new(Shape::Object(Vec::new()))),
        "C" => Shape::CommaText(Box::new(list(Shape::Integer))),
        "N" => Shape::CommaText(Box::new(Shape::Integer)),
        _ => return None,
    })
}

#[track_caller]
fn check_read(pairs: &[(&str, &str)], first_index: u64, expected: Value) {
    let read = flatten::read(pairs.iter().copied(), &shape, first_index);
    assert_eq!(Value::from(read), expected, "{pairs:?}");
}

#[test]
fn reading() {
    check_read(&[("T", "true"), ("X", "true")], 1, json!({ "T": "true", "X": "true" }));
    check_read(&[("B", "True")], 1, json!({ "B": true }));
    check_read(&[("B", "false")], 1, json!({ "B": false }));
    for other in ["TRUE", "1", "yes", "", " true"] {
        check_read(&[("B", other)], 1, json!({ "B": other }));
    }
    check_read(&[("I", "0")], 1, json!({ "I": 0 }));
    check_read(&[("I", "-12")], 1, json!({ "I": -12 }));
    check_read(&[("I", "18446744073709551615")], 1, json!({ "I": u64::MAX }));
    for other in ["007", "+7", "-0", "-", "", "1.0", "1e3", "18446744073709551616", "٣"] {
        check_read(&[("I", other)], 1, json!({ "I": other }));
    }
    check_read(&[("L.1", "a"), ("L.10", "c"), ("L.2", "b")], 1, json!({ "L": ["a", "b", "c"] }));
    check_read(&[("L.0", "a"), ("L.1", "b")], 0, json!({ "L": ["a", "b"] }));
    // An index below the first, a padded one and a list without indexes are no list of this protocol.
    check_read(&[("L.0", "a"), ("L.1", "b")], 1, json!({ "L.0": "a", "L.1": "b" }));
    check_read(&[("L.01", "a")], 1, json!({ "L.01": "a" }));
    check_read(&[("L", "a")], 1, json!({ "L": "a" }));
    check_read(&[("L", "a"), ("L.1", "b")], 1, json!({ "L": "a", "L.1": "b" }));
    check_read(&[("L.1.x", "a")], 1, json!({ "L.1.x": "a" }));
    check_read(&[("L.", "a")], 1, json!({ "L.": "a" }));
    check_read(
        &[("F.2.N", "b"), ("F.1.V.2", "y"), ("F.1.V.1", "x"), ("F.1.N", "a"), ("F.1.Z.1", "z")],
        1,
        json!({ "F": [{ "V": ["x", "y"], "N": "a", "Z.1": "z" }, { "N": "b" }] }),
    );
    check_read(&[("O.M.1", "1"), ("O.M.2", "x")], 1, json!({ "O": { "M": [1, "x"] } }));
    check_read(&[("Disk.Size", "20"), ("Disk.Other", "x")], 1, json!({ "Disk.Size": "20", "Disk.Other": "x" }));
    check_read(&[("J", "[\"a\", 1]")], 1, json!({ "J": ["a", 1] }));
    check_read(&[("D", "{\"a\":[]}")], 1, json!({ "D": { "a": [] } }));
    for other in ["a", "['a']", "[", "{}", "\"a\"", "null", ""] {
        check_read(&[("J", other)], 1, json!({ "J": other }));
    }
    check_read(&[("J.1", "a"), ("J.2", "b")], 1, json!({ "J.1": "a", "J.2": "b" }));
    check_read(&[("N", "1,x,3")], 1, json!({ "N": [1, "x", 3] }));
    check_read(&[("N", "")], 1, json!({ "N": [] }));
    check_read(&[("C", "1,x")], 1, json!({ "C": [1, "x"] }));
    let dots = "L.".repeat(100_000);
    check_read(&[(&dots, "a")], 1, json!({ &*dots: "a" }));
}

#[track_caller]
fn check_written(arguments: Value, first_index: u64, expected: &[(&str, &str)]) {
    let written = flatten::spell(arguments.as_object().unwrap(), &shape, first_index);
    let written: Vec<_> = written.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(written, expected);
}

#[test]
fn writing() {
    check_written(json!({ "T": "a", "I": 1, "B": true }), 1, &[("T", "a"), ("I", "1"), ("B", "true")]);
    check_written(json!({ "L": ["a", "b"] }), 1, &[("L.1", "a"), ("L.2", "b")]);
    check_written(json!({ "L": ["a", "b"] }), 0, &[("L.0", "a"), ("L.1", "b")]);
    check_written(json!({ "F": [{ "N": "a", "V": ["x"] }] }), 0, &[("F.0.N", "a"), ("F.0.V.0", "x")]);
    check_written(json!({ "J": ["a", "é"] }), 1, &[("J", "[\"a\",\"é\"]")]);
    check_written(json!({ "J": "a" }), 1, &[("J", "a")]);
    check_written(json!({ "N": [1, 2] }), 1, &[("N", "1,2")]);
    // An empty list leaves no trace, but an empty text does.
    check_written(json!({ "L": [], "T": "", "J": [] }), 1, &[("T", ""), ("J", "[]")]);
    // What does not fit its shape travels as it is.
    check_written(json!({ "L": "a", "T": ["a"], "B": "maybe" }), 1, &[("L", "a"), ("T.1", "a"), ("B", "maybe")]);
    check_written(json!({ "T": null, "I": 1.5, "B": { "a": 1 } }), 1, &[("T", "null"), ("I", "1.5"), ("B.a", "1")]);
}

#[test]
fn xml_keeps_what_it_can() {
    let fields = json!({ "A": "a\r\n\tb", "B": "\u{1}<&>", "1 x": [1, true, null] });
    let text = xml::write("R", fields.as_object().unwrap());
    let (root, value) = xml::read(text.as_bytes()).unwrap();
    assert_eq!(root, "R");
    assert_eq!(value, json!({ "A": "a\r\n\tb", "B": "\u{fffd}<&>", "_1_x": ["1", "true", ""] }));
}
