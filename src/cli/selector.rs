//! Which operations and requirements are meant.

use super::{exit_code::ExitCode, failure::Failure};
use crate::spec::{SpecSet, diagnostic::did_you_mean, service::OpRef};

/// What a run is about.
#[derive(Debug, Default, PartialEq)]
pub struct Selection {
    pub operations: Vec<OpRef>,
    /// Only these requirements; all of the operations when empty.
    pub only: Vec<(OpRef, usize)>,
}

/// Finds what selectors mean; everything documented when there are none.
///
/// # Errors
/// A selector that matches nothing, with what was probably meant.
pub fn select(set: &SpecSet, selectors: &[String]) -> Result<Selection, Failure> {
    let documented = || set.operations().filter(|(_, operation)| operation.is_documented());
    if selectors.is_empty() {
        return Ok(Selection { operations: documented().map(|(at, _)| at).collect(), ..Selection::default() });
    }
    let mut found = Selection::default();
    let mut by_requirement = false;
    for selector in selectors {
        let whole: Vec<OpRef> = documented()
            .filter(|(at, operation)| matches(selector, &operation.id) || matches(selector, &set.service(*at).name))
            .map(|(at, _)| at)
            .collect();
        let single: Vec<(OpRef, usize)> = if whole.is_empty() {
            set.requirements()
                .filter(|(_, _, described)| matches(selector, &described.id))
                .map(|(at, index, _)| (at, index))
                .collect()
        } else {
            Vec::new()
        };
        if whole.is_empty() && single.is_empty() {
            return Err(unknown(set, selector));
        }
        by_requirement |= !single.is_empty();
        let operations = whole.iter().copied().chain(single.iter().map(|(at, _)| *at));
        found.operations.extend(operations);
        found.only.extend(single);
        found
            .only
            .extend(whole.iter().flat_map(|at| (0..set.operation(*at).requirements.len()).map(|index| (*at, index))));
    }
    found.operations.sort_unstable();
    found.operations.dedup();
    found.only.sort_unstable();
    found.only.dedup();
    if !by_requirement {
        found.only.clear();
    }
    Ok(found)
}

fn unknown(set: &SpecSet, selector: &str) -> Failure {
    if set.operations().any(|(_, operation)| operation.id == selector) {
        let text = format!("`{selector}` has no document of its own here: it is a companion, called to reach states");
        return Failure::new(ExitCode::Nothing, text).help("`aswritten spec list` shows the documented operations");
    }
    let operations =
        set.operations().filter(|(_, operation)| operation.is_documented()).map(|(_, operation)| &*operation.id);
    let help = if selector.matches('/').count() > 1 {
        // Those of the same operation and kind are closer than any other.
        let (beginning, _) = selector.rsplit_once('/').unwrap_or_default();
        let is_near = |id: &&str| id.rsplit_once('/').is_some_and(|(other, _)| other == beginning);
        let requirements: Vec<&str> = set.requirements().map(|(_, _, described)| &*described.id).collect();
        let near: Vec<&str> = requirements.iter().copied().filter(is_near).collect();
        let help = did_you_mean(selector, if near.is_empty() { requirements } else { near });
        // The whole list is no help.
        if help.starts_with("valid") { "`aswritten spec show OPERATION` lists the requirements".into() } else { help }
    } else {
        did_you_mean(selector, operations.chain(set.services.iter().map(|service| &*service.name)))
    };
    Failure::new(ExitCode::Nothing, format!("nothing is selected by `{selector}`")).help(help)
}

/// Whether a pattern with `*` is the whole of a text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let Some((middle, last)) = rest.rsplit_once('*') else { return text.ends_with(rest) };
    for part in middle.split('*') {
        let Some(position) = text.find(part) else { return false };
        text = &text[position + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        let cases = [
            ("ecs", "ecs", true),
            ("ecs", "ecs2", false),
            ("*", "anything", true),
            ("ecs/*", "ecs/DeleteImage", true),
            ("*/error/*", "ecs/DeleteImage/error/X", true),
            ("*Shared", "ecs/DeleteImage/error/ImageUseShared", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("aa*a", "aa", false),
            ("ab*ba", "aba", false),
            ("a**b", "ab", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} ~ {text}");
        }
    }
}
