//! One sequence through an SDK, with what happens to the answer of its last call.

use serde_json::{Map, Value, json};

use super::spoil::Treatment;
use crate::{sequence::Script, spec::SpecSet};

/// How long an attempt may take: where it ought to be answered, and where it is not.
pub const PATIENT_MS: u64 = 5_000;
pub const BRIEF_MS: u64 = 1_000;

/// What is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The last command is the call under test.
    pub script: Script,
    /// What happens to the attempts of that call; later ones are answered as they are.
    pub treatments: Vec<Treatment>,
    /// Retries that the SDK is asked for.
    pub retries: u32,
    /// Name of the signing scheme.
    pub signing: String,
    /// Companions go through the SDK as well, where it can.
    pub companions: bool,
}

impl Case {
    pub fn timeout_ms(&self) -> u64 {
        let silent = self.treatments.iter().any(|treatment| matches!(treatment.spoil, super::spoil::Spoil::Silence));
        if silent { BRIEF_MS } else { PATIENT_MS }
    }

    /// The case up to a command, which is then the one under test.
    #[must_use]
    pub fn up_to(&self, command: usize) -> Self {
        let is_last = command + 1 == self.script.commands.len();
        let commands = self.script.commands[..=command].to_vec();
        Self {
            script: self.script.with(commands),
            treatments: if is_last { self.treatments.clone() } else { Vec::new() },
            ..self.clone()
        }
    }

    /// What is done to answers, attempt by attempt, in words.
    pub fn treatment_lines(&self) -> Vec<String> {
        let lines = self.treatments.iter().enumerate().map(|(index, treatment)| {
            let acts = match (treatment.needs_answer(), treatment.acts, treatment.is_loss()) {
                (false, true, true) => ", after the service has carried out the call",
                (false, false, true) => ", and the service has not seen the call",
                _ => "",
            };
            format!("attempt {}: {}{acts}", index + 1, treatment.spoil.text())
        });
        lines.collect()
    }

    /// The set-up as data, for reports.
    pub fn to_json(&self, set: &SpecSet) -> Value {
        let arguments = |command: &crate::sequence::Command| -> Map<String, Value> {
            let params = &set.operation(command.operation).params;
            let given = params.iter().zip(&command.arguments);
            given.filter_map(|(param, value)| Some((param.name.clone(), value.clone()?))).collect()
        };
        let commands = self.script.commands.iter().map(
            |command| json!({ "operation": set.operation(command.operation).id, "arguments": arguments(command) }),
        );
        Value::Array(commands.collect())
    }
}
