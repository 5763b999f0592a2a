//! TOML → entries that have the right keys and kinds, with every problem reported.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    diagnostic::{Diagnostics, did_you_mean},
    format::{Kind, Table},
    source::{SourceFile, Span},
};

/// A table of a file that passed the format's checks; missing or wrong keys are absent.
#[derive(Debug)]
pub struct Entry {
    pub span: Span,
    items: BTreeMap<String, Item>,
    /// Keys whose values were reported.
    wrong: BTreeSet<String>,
    /// The file's syntax is broken, so what seems absent may be there.
    doubtful: bool,
}

/// A value with its place.
#[derive(Debug)]
pub struct Item {
    /// Place of the value.
    pub span: Span,
    /// Place of the key.
    pub key: Span,
    pub data: Data,
}

#[derive(Debug)]
pub enum Data {
    Text(String),
    Boolean(bool),
    Integer(i64),
    Texts(Vec<(String, Span)>),
    Table(Entry),
    Tables(Vec<Entry>),
    Any(Value),
}

/// Text with its place.
#[derive(Debug, Clone)]
pub struct Word {
    pub text: String,
    pub span: Span,
}

impl Entry {
    pub fn item(&self, key: &str) -> Option<&Item> {
        self.items.get(key)
    }

    /// The author wrote the key, rightly or not; a broken file gets the benefit of the doubt.
    pub fn has(&self, key: &str) -> bool {
        self.doubtful || self.wrong.contains(key) || self.items.contains_key(key)
    }

    /// The file's syntax is broken, so what seems absent may be there.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    pub fn word(&self, key: &str) -> Option<Word> {
        match self.item(key) {
            Some(Item { data: Data::Text(text), span, .. }) => Some(Word { text: text.clone(), span: span.clone() }),
            _ => None,
        }
    }

    /// Text of a key; empty when absent.
    pub fn text(&self, key: &str) -> String {
        self.word(key).map(|word| word.text).unwrap_or_default()
    }

    pub fn flag(&self, key: &str) -> bool {
        matches!(self.item(key), Some(Item { data: Data::Boolean(true), .. }))
    }

    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.item(key) {
            Some(Item { data: Data::Integer(number), .. }) => Some(*number),
            _ => None,
        }
    }

    pub fn texts(&self, key: &str) -> Vec<Word> {
        match self.item(key) {
            Some(Item { data: Data::Texts(list), .. }) => {
                list.iter().map(|(text, span)| Word { text: text.clone(), span: span.clone() }).collect()
            }
            _ => Vec::new(),
        }
    }

    pub fn table(&self, key: &str) -> Option<&Entry> {
        match self.item(key) {
            Some(Item { data: Data::Table(entry), .. }) => Some(entry),
            _ => None,
        }
    }

    pub fn tables(&self, key: &str) -> &[Entry] {
        match self.item(key) {
            Some(Item { data: Data::Tables(list), .. }) => list,
            _ => &[],
        }
    }

    pub fn value(&self, key: &str) -> Option<&Value> {
        match self.item(key) {
            Some(Item { data: Data::Any(value), .. }) => Some(value),
            _ => None,
        }
    }

    /// Keys and items, in order of the keys' places.
    pub fn items(&self) -> Vec<(&str, &Item)> {
        let mut items: Vec<_> = self.items.iter().map(|(key, item)| (key.as_str(), item)).collect();
        items.sort_by_key(|(_, item)| item.span.range.start);
        items
    }

    fn empty(span: Span) -> Self {
        Self { span, items: BTreeMap::new(), wrong: BTreeSet::new(), doubtful: false }
    }
}

/// Reads a whole file by the format's table.
pub fn read(file: &Arc<SourceFile>, table: &Table, problems: &mut Diagnostics) -> Entry {
    let (root, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        let range = error.span().unwrap_or(0..0);
        problems.report(
            "toml",
            &Span::new(file, widen(&file.text, range)),
            format!("not valid TOML: {}", error.message()),
            "here",
            "see toml.io for the syntax",
        );
    }
    let span = Span::new(file, first_line(&file.text));
    // A file with broken syntax is still read, to report what else is wrong; absent keys may then be a consequence.
    Reader { file, problems, lenient: !errors.is_empty() }.entry(root.get_ref(), table, span)
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    problems: &'a mut Diagnostics,
    lenient: bool,
}

impl Reader<'_> {
    fn entry(&mut self, found: &DeTable<'_>, table: &Table, span: Span) -> Entry {
        let mut entry = Entry { doubtful: self.lenient, ..Entry::empty(span) };
        for (key, value) in found {
            let name = key.get_ref().as_ref();
            let Some(known) = table.keys.iter().find(|known| known.name == name) else {
                self.problems.report(
                    "unknown-key",
                    &Span::new(self.file, key.span()),
                    format!("unknown key `{name}` in {}", table.name),
                    "not a key of the format",
                    did_you_mean(name, table.keys.iter().map(|known| known.name)),
                );
                continue;
            };
            match self.item(key, value, &known.kind) {
                Some(item) => drop(entry.items.insert(name.to_owned(), item)),
                None => drop(entry.wrong.insert(name.to_owned())),
            }
        }
        for key in table.keys {
            let present = found.iter().any(|(name, _)| name.get_ref() == key.name);
            if key.required && !present && !self.lenient {
                self.problems.report(
                    "missing-key",
                    &entry.span,
                    format!("{} has no `{}`", table.name, key.name),
                    "in this table",
                    format!("add `{}`: {}", key.name, key.about),
                );
            }
        }
        entry
    }

    fn item(&mut self, key: &Spanned<Cow<'_, str>>, value: &Spanned<DeValue<'_>>, kind: &Kind) -> Option<Item> {
        let name = key.get_ref().as_ref();
        let span = Span::new(self.file, value.span());
        let found = value.get_ref();
        let data = match (kind, found) {
            (Kind::Text | Kind::Expression, DeValue::String(text)) => {
                if text.trim().is_empty() {
                    self.problems.report(
                        "empty",
                        &span,
                        format!("`{name}` is empty"),
                        "empty text",
                        "write something or remove the key",
                    );
                    return None;
                }
                Data::Text(text.to_string())
            }
            (Kind::Word(words), DeValue::String(text)) => {
                if !words.contains(&text.as_ref()) {
                    self.problems.report(
                        "unknown-word",
                        &span,
                        format!("`{name}` cannot be `{text}`"),
                        "not one of its words",
                        did_you_mean(text, words.iter().copied()),
                    );
                    return None;
                }
                Data::Text(text.to_string())
            }
            (Kind::Duration, DeValue::String(text)) => match duration_ms(text) {
                Some(ms) => Data::Integer(ms),
                None => {
                    self.problems.report(
                        "duration",
                        &span,
                        format!("`{text}` is not a duration"),
                        "not a duration",
                        "write a number with ms, s, m or h, such as `500ms` or `10m`",
                    );
                    return None;
                }
            },
            (Kind::Boolean, DeValue::Boolean(flag)) => Data::Boolean(*flag),
            (Kind::Integer, DeValue::Integer(number)) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) if number >= 0 => Data::Integer(number),
                _ => {
                    self.problems.report(
                        "integer",
                        &span,
                        format!("`{name}` is out of range"),
                        "not a count",
                        "write a whole number that is not negative",
                    );
                    return None;
                }
            },
            (Kind::Texts, DeValue::Array(list)) => {
                let mut texts = Vec::new();
                for element in list.iter() {
                    match element.get_ref() {
                        DeValue::String(text) => texts.push((text.to_string(), Span::new(self.file, element.span()))),
                        other => self.wrong(name, "a list of texts", other, element.span()),
                    }
                }
                Data::Texts(texts)
            }
            (Kind::Texts, DeValue::String(text)) => Data::Texts(vec![(text.to_string(), span.clone())]),
            (Kind::Table(table), DeValue::Table(inner)) => Data::Table(self.entry(inner, table, span.clone())),
            (Kind::Tables(table), DeValue::Array(list)) => {
                let mut entries = Vec::new();
                for element in list.iter() {
                    match element.get_ref() {
                        DeValue::Table(inner) => {
                            let span = Span::new(self.file, element.span());
                            entries.push(self.entry(inner, table, span));
                        }
                        other => self.wrong(name, LIST_OF_TABLES, other, element.span()),
                    }
                }
                Data::Tables(entries)
            }
            (Kind::Map(kind), DeValue::Table(inner)) => {
                let mut entry = Entry::empty(span.clone());
                for (key, value) in inner {
                    if let Some(item) = self.item(key, value, kind) {
                        entry.items.insert(key.get_ref().to_string(), item);
                    }
                }
                Data::Table(entry)
            }
            (Kind::Any, found) => Data::Any(json(found)),
            (kind, found) => {
                self.wrong(name, kind_name(kind), found, value.span());
                return None;
            }
        };
        Some(Item { span, key: Span::new(self.file, key.span()), data })
    }

    fn wrong(&mut self, name: &str, wanted: &str, found: &DeValue<'_>, range: Range<usize>) {
        self.problems.report(
            "wrong-type",
            &Span::new(self.file, range),
            format!("`{name}` must be {wanted}, not {}", type_name(found)),
            format!("this is {}", type_name(found)),
            match wanted {
                LIST_OF_TABLES => format!("write {wanted}: `[[…]]` as a heading, or `[{{ … }}]` in place"),
                _ => format!("write {wanted}"),
            },
        );
    }
}

const LIST_OF_TABLES: &str = "a list of tables";

fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Word(_) => "a text",
        Kind::Expression => "a condition in quotes",
        Kind::Duration => "a duration in quotes",
        Kind::Boolean => "true or false",
        Kind::Integer => "a whole number",
        Kind::Texts => "a list of texts",
        Kind::Table(_) | Kind::Map(_) => "a table",
        Kind::Tables(_) => LIST_OF_TABLES,
        Kind::Any => "a value",
    }
}

/// What a value is, in the words of [`kind_name`].
fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A TOML value as JSON; dates become texts.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Array(list) => Value::Array(list.iter().map(|element| json(element.get_ref())).collect()),
        DeValue::Table(table) => Value::Object(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref()))).collect::<Map<_, _>>(),
        ),
    }
}

/// Milliseconds of a text such as `500ms`, `30s`, `10m` or `2h`.
pub fn duration_ms(text: &str) -> Option<i64> {
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let number: f64 = text[..split].parse().ok()?;
    let unit = match &text[split..] {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return None,
    };
    let ms = number * unit;
    (ms.is_finite() && ms < 1e12).then_some(ms as i64)
}

/// The first line with something in it.
fn first_line(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    let length = text[start..].find(['\r', '\n']).unwrap_or(text.len() - start);
    widen(text, start..start + length)
}

/// An empty range cannot be underlined; take the byte before or after it.
fn widen(text: &str, range: Range<usize>) -> Range<usize> {
    if !range.is_empty() || text.is_empty() {
        return range;
    }
    let end = text[range.start.min(text.len())..].chars().next().map(|letter| range.start + letter.len_utf8());
    match end {
        Some(end) => range.start..end,
        None => text.len().saturating_sub(1)..text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::duration_ms;

    #[test]
    fn durations_have_a_unit_and_an_end() {
        for (text, expected) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("1.5m", Some(90_000)),
            ("2h", Some(7_200_000)),
            ("10", None),
            ("s", None),
            ("1.2.3s", None),
            ("2d", None),
            // About thirty years.
            ("999999999999ms", Some(999_999_999_999)),
            ("1000000000000ms", None),
            ("2000000000s", None),
        ] {
            assert_eq!(duration_ms(text), expected, "{text}");
        }
    }
}
