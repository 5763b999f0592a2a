//! JUnit XML, as the schema of Ant's reports has it: a suite for each operation, a test case for each requirement.
//!
//! What is violated failed; what could not be judged, or was not exercised, is skipped, and the reason is its message. Cases
//! of all operations are executed side by side, so no test case has a time of its own; the run's is a property.

use quick_xml::escape::escape;

use super::{
    Context, Reporter,
    human::{self, Evidence},
};
use crate::campaign::{Verdict, outcome::OperationResult};

pub static REPORTER: Reporter = Reporter { name: "junit", about: "JUnit XML", text };

fn text(context: &Context<'_>) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (id, result) in context.outcome.operations.iter().enumerate() {
        suite(context, id, result, &mut out);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(context: &Context<'_>, id: usize, result: &OperationResult, out: &mut String) {
    let operation = context.set.operation(result.at);
    let package = context.set.service(result.at).name.as_str();
    let selected: Vec<_> =
        result.requirements.iter().filter(|found| context.is_selected(result.at, found.requirement)).collect();
    let count = |wanted: &[Verdict]| selected.iter().filter(|found| wanted.contains(&found.verdict)).count();
    out.push_str(&format!(
        "  <testsuite id=\"{id}\" package=\"{}\" name=\"{}\" timestamp=\"{}\" hostname=\"localhost\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\">\n    <properties>\n",
        attribute(package),
        attribute(&operation.id),
        attribute(second(context.started)),
        selected.len(),
        count(&[Verdict::Violates]),
        count(&[Verdict::Inconclusive, Verdict::NotExercised]),
    ));
    let outcome = context.outcome;
    let mut properties = vec![
        ("seed", outcome.seed.clone()),
        ("endpoint", outcome.endpoint.clone()),
        ("verdict", outcome.verdict.name().into()),
        ("requests", outcome.requests.to_string()),
        ("shrink_requests", outcome.shrink_requests.to_string()),
        ("seconds", format!("{:.3}", outcome.seconds)),
        ("document", super::document(&operation.document)),
    ];
    let told = context.changes.map(|changes| changes.told()).unwrap_or_default();
    let of_operation = |text: &String| {
        text.starts_with(&format!("{}/", operation.id)) || text.starts_with(&format!("{} ", operation.id))
    };
    properties.extend(told.into_iter().filter(|(_, text)| of_operation(text)));
    for (name, value) in properties {
        out.push_str(&format!("      <property name=\"{}\" value=\"{}\"/>\n", attribute(name), attribute(&value)));
    }
    out.push_str("    </properties>\n");
    for found in selected {
        let requirement = &operation.requirements[found.requirement];
        let name = requirement.id.strip_prefix(&*operation.id).unwrap_or(&requirement.id).trim_start_matches('/');
        out.push_str(&format!(
            "    <testcase name=\"{}\" classname=\"{}\" time=\"0\"",
            attribute(name),
            attribute(&operation.id.replace('/', "."))
        ));
        match found.verdict {
            Verdict::Conforms => out.push_str("/>\n"),
            Verdict::Violates => {
                out.push_str(">\n");
                failure(context, (result.at, found.requirement), out);
                out.push_str("    </testcase>\n");
            }
            Verdict::Inconclusive | Verdict::NotExercised => {
                let reason = found.reason.as_deref().unwrap_or("no reason is known");
                let word = if found.verdict == Verdict::Inconclusive { "inconclusive" } else { "not exercised" };
                let message = attribute(&format!("{word}: {reason}"));
                out.push_str(&format!(">\n      <skipped message=\"{message}\"/>\n    </testcase>\n"));
            }
        }
    }
    out.push_str("    <system-out/>\n    <system-err/>\n  </testsuite>\n");
}

/// All findings of a requirement are one failure: a test case has only one.
fn failure(context: &Context<'_>, which: (crate::spec::OpRef, usize), out: &mut String) {
    let of_requirement =
        |result: &&crate::campaign::outcome::FindingResult| result.counts && result.finding.requirement == which;
    let findings: Vec<_> = context.outcome.findings.iter().filter(of_requirement).collect();
    let mut texts = Vec::new();
    let mut summaries = Vec::new();
    for result in &findings {
        let key = &result.finding.key;
        let evidence = Evidence::campaign(context, result);
        texts.push(human::finding(context.set, context.addresses, result, &evidence));
        let new = if context.changes.is_some_and(|changes| changes.is_new(key)) { "new: " } else { "" };
        summaries.push(format!("{new}{}", result.finding.summary));
    }
    let kind = findings.first().map_or("violation", |result| result.finding.nature.name());
    let message = attribute(&summaries.join("; "));
    out.push_str(&format!(
        "      <failure type=\"{kind}\" message=\"{message}\">{}</failure>\n",
        escape(plain(&texts.join("\n")))
    ));
}

/// The time to the second: the schema wants no zone.
fn second(time: &str) -> &str {
    time.get(..19).unwrap_or("1970-01-01T00:00:00")
}

fn attribute(text: &str) -> String {
    // Attributes have no lines, and names no spaces at their ends.
    escape(&*plain(text).split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

/// Without colours, and without characters that XML cannot have.
fn plain(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    let fits = |letter: &char| matches!(*letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().filter(fits).collect()
}
