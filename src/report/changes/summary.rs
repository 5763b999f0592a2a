//! What a comparison needs of a run, taken from its report as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A run, as its report tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    pub seed: String,
    pub endpoint: String,
    /// Operations that were judged.
    pub operations: BTreeSet<String>,
    /// Requirements that were selected, by id.
    pub requirements: BTreeMap<String, Standing>,
    /// Findings that make the verdict, by key.
    pub violations: BTreeMap<String, Violation>,
    /// Answers by question.
    pub answers: BTreeMap<String, Vec<Answer>>,
    /// Texts that differ from the document's, by operation and code.
    pub messages: BTreeMap<(String, String), BTreeSet<String>>,
}

/// What became of a requirement.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub exercised: bool,
    pub verdict: String,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    pub key: String,
    pub requirement: String,
    pub summary: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// A code, or the choice.
    pub answer: String,
    /// Alternatives that remain; none for orders of precedence.
    pub choice: Option<String>,
}

impl Summary {
    /// Reads a report.
    ///
    /// # Errors
    /// What it lacks.
    pub fn of(report: &Value) -> Result<Self, String> {
        if report["schema"] != super::SCHEMA {
            return Err(format!("its schema is {}, and this version reads schema {}", report["schema"], super::SCHEMA));
        }
        let operations = report["operations"].as_array().ok_or("it lists no operations")?;
        let mut summary = Self { seed: text(&report["seed"]), endpoint: text(&report["endpoint"]), ..Self::default() };
        for operation in operations {
            summary.operations.insert(text(&operation["id"]));
            for found in list(&operation["requirements"]).filter(|found| found["selected"] != false) {
                let standing = Standing {
                    exercised: found["exercised"].as_u64().unwrap_or(0) > 0,
                    verdict: text(&found["verdict"]),
                    reason: found["reason"].as_str().map(str::to_owned),
                };
                summary.requirements.insert(text(&found["id"]), standing);
            }
        }
        for found in list(&report["findings"]).filter(|found| found["counts"] == true) {
            let (key, requirement, told) = (text(&found["key"]), text(&found["requirement"]), text(&found["summary"]));
            summary.violations.insert(key.clone(), Violation { key, requirement, summary: told });
        }
        for seen in list(&report["observations"]) {
            let answer = Answer { answer: text(&seen["answer"]), choice: seen["choice"].as_str().map(str::to_owned) };
            summary.answers.entry(text(&seen["question"])).or_default().push(answer);
        }
        for seen in list(&report["messages"]) {
            let key = (text(&seen["operation"]), text(&seen["code"]));
            summary.messages.entry(key).or_default().insert(text(&seen["message"]));
        }
        Ok(summary)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
