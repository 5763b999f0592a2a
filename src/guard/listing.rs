//! What is the run's by its name or its tag, as lists show it.

use serde_json::{Map, Value};

use super::{
    reads::{self, Way},
    rules::is_of_run,
    sender::Guarded,
};
use crate::{
    history::Reply,
    model::view,
    spec::{SpecSet, operation::Paging},
    value::{as_text, field_at},
};

/// Pages that are read of one list; an account with more is not searched to its end, which is said.
const MOST_PAGES: i64 = 200;

/// Something that a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    /// The mark that shows whose it is: its name, or `tag`.
    pub by: String,
}

/// Everything of a kind in a region that carries the run's name; none where no operation lists it.
///
/// # Errors
/// A sentence when the list could not be read to its end.
pub async fn of_run(
    set: &SpecSet,
    endpoint: &Guarded,
    service: usize,
    kind: usize,
    region: &str,
    run: &str,
) -> Result<Option<Vec<Listed>>, String> {
    let Some(way) = reads::all(set, service, kind) else { return Ok(None) };
    let mut found: Vec<Listed> = Vec::new();
    let mut seen_ids: Vec<String> = Vec::new();
    for page in 1..=MOST_PAGES {
        let piece = match way.paging() {
            Paging::None => None,
            Paging::Page(_) => Some(page),
            Paging::Offset(_) => Some(i64::try_from(seen_ids.len()).unwrap_or(i64::MAX)),
        };
        let call = way.call(&[], region, piece).ok_or_else(|| format!("{} cannot be called", way.operation.name))?;
        let reply = endpoint.patiently(&call).await;
        let Reply::Success { fields, .. } = &reply else {
            return Err(format!("{} answers {}", way.operation.name, reply.brief()));
        };
        let Some(seen) = view::observe(way.view, fields) else {
            return Err(format!("the answer of {} has no list", way.operation.name));
        };
        let before = seen_ids.len();
        for element in list(&way, fields) {
            let id = id_of(&way, element);
            if id.is_empty() || seen_ids.contains(&id) {
                continue;
            }
            if let Some(by) = mark(&way, element, run) {
                found.push(Listed { id: id.clone(), by });
            }
            seen_ids.push(id);
        }
        let total = way.view.total.as_deref().and_then(|total| as_text(field_at(fields, total)?).parse().ok());
        let all = total.map_or(seen.elements.is_empty(), |total: usize| seen_ids.len() >= total);
        if all || seen_ids.len() == before || matches!(way.paging(), Paging::None) {
            return Ok(Some(found));
        }
    }
    Err(format!("{} lists more than {MOST_PAGES} pages", way.operation.name))
}

fn list<'a>(way: &Way<'_>, fields: &'a Map<String, Value>) -> &'a [Value] {
    match field_at(fields, &way.view.list) {
        Some(Value::Array(list)) => list,
        Some(single @ Value::Object(_)) => std::slice::from_ref(single),
        _ => &[],
    }
}

fn id_of(way: &Way<'_>, element: &Value) -> String {
    element.get(&way.view.id).map(|id| as_text(id).into_owned()).unwrap_or_default()
}

/// The mark of the run on an element.
fn mark(way: &Way<'_>, element: &Value, run: &str) -> Option<String> {
    let name = way.view.name.as_deref().and_then(|field| element.get(field)?.as_str());
    if let Some(name) = name.filter(|name| is_of_run(name, run)) {
        return Some(name.to_owned());
    }
    let tags = way.view.tags.as_deref().and_then(|path| crate::value::at_path(element, path))?;
    let tagged = tags.as_array().into_iter().flatten().filter_map(Value::as_object).any(|tag| {
        let has = |text: &str| tag.values().any(|value| value == text);
        has(TAG) && has(run)
    });
    tagged.then(|| "tag".to_owned())
}

/// Key of the tag that everything a run creates carries.
const TAG: &str = "aswritten";
