//! What changed since an earlier run.
//!
//! Two reports are compared, never their verdicts alone: a violation that is no longer seen is *fixed* only where its
//! requirement was exercised and conforms now; otherwise it is merely *unseen*. An open question is answered otherwise only
//! where no alternative explains both runs.

mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::json::SCHEMA;
pub use summary::{Answer, Standing, Summary, Violation};

/// What changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Name of the earlier run, as it was given.
    pub baseline: String,
    pub seed: String,
    pub endpoint: String,
    pub new: Vec<Violation>,
    pub fixed: Vec<Violation>,
    /// Violations that are no longer seen, with the reason why that proves nothing.
    pub unseen: Vec<(Violation, String)>,
    pub answers: Vec<Changed>,
    /// By operation and code.
    pub messages: Vec<Changed>,
    /// Requirements that were exercised, with the reason why they are not any more.
    pub lost: Vec<(String, String)>,
    /// Requirements that were not exercised before.
    pub gained: Vec<String>,
    /// Requirements of operations of both runs that only the earlier one knew.
    pub dropped: Vec<String>,
    /// Requirements of operations of both runs that only this one knows.
    pub added: Vec<String>,
    /// Operations that only one of the runs judged: the earlier, this one.
    pub operations: (Vec<String>, Vec<String>),
}

/// Something that was said otherwise before.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    pub what: String,
    pub before: Vec<String>,
    pub now: Vec<String>,
}

impl Changes {
    /// Compares this run with an earlier one.
    pub fn since(baseline: &str, before: &Summary, now: &Summary) -> Self {
        let mut changes = Self {
            baseline: baseline.into(),
            seed: before.seed.clone(),
            endpoint: before.endpoint.clone(),
            new: only(before, now),
            answers: answers(before, now),
            messages: messages(before, now),
            operations: (
                before.operations.difference(&now.operations).cloned().collect(),
                now.operations.difference(&before.operations).cloned().collect(),
            ),
            ..Self::default()
        };
        for violation in only(now, before) {
            match unproven(now, &violation.requirement) {
                None => changes.fixed.push(violation),
                Some(why) => changes.unseen.push((violation, why)),
            }
        }
        for (id, then) in &before.requirements {
            match now.requirements.get(id) {
                Some(today) if then.exercised && !today.exercised => {
                    let why = today.reason.clone().unwrap_or_else(|| "no reason is known".into());
                    changes.lost.push((id.clone(), why));
                }
                Some(today) if !then.exercised && today.exercised => changes.gained.push(id.clone()),
                Some(_) => {}
                None if now.operations.contains(operation(id)) => changes.dropped.push(id.clone()),
                None => {}
            }
        }
        let known = |id: &&String| before.operations.contains(operation(id)) && !before.requirements.contains_key(*id);
        changes.added = now.requirements.keys().filter(known).cloned().collect();
        changes
    }

    pub fn is_new(&self, key: &str) -> bool {
        self.new.iter().any(|violation| violation.key == key)
    }

    /// Nothing that a reader has to know has changed.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty()
            && self.fixed.is_empty()
            && self.unseen.is_empty()
            && self.answers.is_empty()
            && self.messages.is_empty()
            && self.lost.is_empty()
            && self.gained.is_empty()
            && self.dropped.is_empty()
            && self.added.is_empty()
            && self.operations.0.is_empty()
            && self.operations.1.is_empty()
    }

    /// Everything as pairs of a word and a text, in the order of their weight.
    pub fn told(&self) -> Vec<(&'static str, String)> {
        let mut told = Vec::new();
        let line = |violation: &Violation| format!("{}: {}", violation.requirement, violation.summary);
        told.extend(self.new.iter().map(|violation| ("new violation", line(violation))));
        told.extend(self.fixed.iter().map(|violation| ("fixed", line(violation))));
        told.extend(self.unseen.iter().map(|(violation, why)| ("unseen", format!("{} ({why})", line(violation)))));
        told.extend(self.answers.iter().map(|changed| ("another answer", changed.told())));
        told.extend(self.messages.iter().map(|changed| ("another message", changed.told())));
        told.extend(self.lost.iter().map(|(id, why)| ("lost coverage", format!("{id}: {why}"))));
        told.extend(self.gained.iter().map(|id| ("gained coverage", id.clone())));
        told.extend(self.dropped.iter().map(|id| ("no longer specified or selected", id.clone())));
        told.extend(self.added.iter().map(|id| ("newly specified or selected", id.clone())));
        told.extend(self.operations.0.iter().map(|id| ("not judged this time", id.clone())));
        told.extend(self.operations.1.iter().map(|id| ("not judged before", id.clone())));
        told
    }

    pub fn to_json(&self) -> Value {
        let violation = |violation: &Violation| json!({ "key": violation.key, "requirement": violation.requirement, "summary": violation.summary });
        let changed = |changed: &Changed| json!({ "what": changed.what, "before": changed.before, "now": changed.now });
        let unseen = self.unseen.iter().map(|(found, why)| {
            let mut value = violation(found);
            value["reason"] = why.as_str().into();
            value
        });
        json!({
            "baseline": self.baseline,
            "seed": self.seed,
            "endpoint": self.endpoint,
            "new": self.new.iter().map(violation).collect::<Vec<_>>(),
            "fixed": self.fixed.iter().map(violation).collect::<Vec<_>>(),
            "unseen": unseen.collect::<Vec<_>>(),
            "answers": self.answers.iter().map(changed).collect::<Vec<_>>(),
            "messages": self.messages.iter().map(changed).collect::<Vec<_>>(),
            "lost": self.lost.iter().map(|(id, why)| json!({ "requirement": id, "reason": why })).collect::<Vec<_>>(),
            "gained": self.gained,
            "dropped": self.dropped,
            "added": self.added,
            "not_judged_now": self.operations.0,
            "not_judged_before": self.operations.1,
        })
    }
}

impl Changed {
    fn told(&self) -> String {
        format!("{}: {} (before: {})", self.what, self.now.join(", "), self.before.join(", "))
    }
}

/// `ecs/DeleteImage` of `ecs/DeleteImage/error/X`.
fn operation(id: &str) -> &str {
    let end = id.match_indices('/').nth(1).map_or(id.len(), |(end, _)| end);
    &id[..end]
}

/// Violations that only the second run has.
fn only(one: &Summary, other: &Summary) -> Vec<Violation> {
    other.violations.values().filter(|violation| !one.violations.contains_key(&violation.key)).cloned().collect()
}

/// Why it does not follow that a requirement is kept now.
fn unproven(now: &Summary, requirement: &str) -> Option<String> {
    match now.requirements.get(requirement) {
        None => Some("it was not judged".into()),
        Some(Standing { verdict, .. }) if verdict == "violates" => Some("it is violated in another way".into()),
        Some(Standing { exercised: true, verdict, .. }) if verdict == "conforms" => None,
        Some(Standing { reason, .. }) => Some(reason.clone().unwrap_or_else(|| "it was not exercised".into())),
    }
}

fn answers(before: &Summary, now: &Summary) -> Vec<Changed> {
    let told = |answers: &[Answer]| {
        let line = |answer: &Answer| match &answer.choice {
            Some(choice) if *choice != answer.answer => format!("{choice}: {}", answer.answer),
            _ => answer.answer.clone(),
        };
        answers.iter().map(line).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let both = before.answers.iter().filter_map(|(question, then)| Some((question, then, now.answers.get(question)?)));
    both.filter(|(_, then, today)| is_otherwise(then, today))
        .map(|(question, then, today)| Changed { what: question.clone(), before: told(then), now: told(today) })
        .collect()
}

fn is_otherwise(then: &[Answer], today: &[Answer]) -> bool {
    let orders = |answers: &[Answer]| -> BTreeSet<(String, String)> {
        let pairs = answers.iter().filter(|answer| answer.choice.is_none());
        pairs.filter_map(|answer| answer.answer.split_once(" before ")).map(|(a, b)| (a.into(), b.into())).collect()
    };
    let (old, new) = (orders(then), orders(today));
    if new.iter().any(|(winner, loser)| old.contains(&(loser.clone(), winner.clone()))) {
        return true;
    }
    let choices = |answers: &[Answer]| -> BTreeSet<String> {
        answers
            .iter()
            .filter_map(|answer| answer.choice.as_ref())
            .flat_map(|all| all.split(" or ").map(str::to_owned))
            .collect()
    };
    let (old, new) = (choices(then), choices(today));
    if !old.is_empty() && !new.is_empty() && old.is_disjoint(&new) {
        return true;
    }
    // The same choice, shown by another code; what leaves several choices may be about something else.
    let codes = |answers: &[Answer], one: &str| -> BTreeSet<String> {
        let coded = answers.iter().filter(|answer| answer.choice.as_deref() == Some(one) && answer.answer != one);
        coded.map(|answer| answer.answer.clone()).collect()
    };
    old.intersection(&new).any(|choice| {
        let (old, new) = (codes(then, choice), codes(today, choice));
        !old.is_empty() && !new.is_empty() && old.is_disjoint(&new)
    })
}

fn messages(before: &Summary, now: &Summary) -> Vec<Changed> {
    let is_in_both = |key: &&(String, String)| [before, now].iter().all(|run| run.operations.contains(&key.0));
    let keys: BTreeSet<&(String, String)> =
        before.messages.keys().chain(now.messages.keys()).filter(is_in_both).collect();
    let none = BTreeSet::new();
    let mut list = Vec::new();
    for key in keys {
        let (then, today) = (before.messages.get(key).unwrap_or(&none), now.messages.get(key).unwrap_or(&none));
        let masked = |texts: &BTreeSet<String>| texts.iter().map(|text| mask(text)).collect::<BTreeSet<_>>();
        let (old, new) = (masked(then), masked(today));
        let row = format!("{}/error/{}", key.0, key.1);
        let earned = |run: &Summary| run.requirements.get(&row).is_none_or(|standing| standing.exercised);
        // No message that differs is the documented one, where the code was earned at all.
        let changed = match (old.is_empty(), new.is_empty()) {
            (false, false) => old.is_disjoint(&new),
            (true, false) => earned(before),
            (false, true) => earned(now),
            (true, true) => false,
        };
        if changed {
            let told = |texts: &BTreeSet<String>| match texts.is_empty() {
                true => vec!["as documented".to_owned()],
                false => texts.iter().cloned().collect(),
            };
            list.push(Changed { what: format!("{} {}", key.0, key.1), before: told(then), now: told(today) });
        }
    }
    list
}

/// A message without what differs each time: words with digits, which are ids, names and counts.
fn mask(text: &str) -> String {
    let has_digit = |word: &str| word.contains(|letter: char| letter.is_ascii_digit());
    text.split_whitespace().map(|word| if has_digit(word) { "#" } else { word }).collect::<Vec<_>>().join(" ")
}
