//! Which sentence a reply broke that no world explains.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    belief::Belief,
    explain::{ANY, is_documented, names, words},
    finding::{Finding, Nature, Unique},
};
use crate::{
    history::Reply,
    model::{Answer, Aspect, Choices, Outcome, Refused, State},
    spec::{Kind, Level, Operation, Service, SpecSet, service::OpRef},
    value::is_given,
};

/// The call that is judged.
pub struct Accused<'a> {
    pub set: &'a SpecSet,
    pub at: OpRef,
    /// Position of the command.
    pub command: usize,
    pub reply: &'a Reply,
}

/// Names the requirement that an answer broke, given everything that was permitted.
pub fn answer(accused: &Accused<'_>, before: &Belief, permitted: &[Outcome]) -> Option<Finding> {
    let (service, operation) = (accused.set.service(accused.at), accused.set.operation(accused.at));
    let basics = operation.basics?;
    let due = due_rows(operation, permitted);
    let may_succeed = permitted.iter().any(|outcome| outcome.answer == Answer::Success);
    let mut nature = Nature::Violation;
    let (requirement, mut what) = match accused.reply {
        Reply::Refused { status, code, .. } => {
            // Where any other code would do as well, it is the code that is wrong.
            let by_status = due.iter().copied().find(|row| names(&operation.rows[*row], code));
            if let Some(row) = by_status {
                (row_requirement(operation, row).unwrap_or(basics.unchanged), format!("{STATUS}{status}"))
            } else if let (false, Some(requirement)) = (may_succeed, promised(operation, &due, permitted)) {
                (requirement, format!("answered {code}"))
            } else {
                let requirement = promise(operation, permitted)?;
                // Where another code is due for sure, the same code is a violation, which is not the same finding.
                if is_documented(service, operation, code) {
                    (requirement, format!("answered {code}"))
                } else {
                    nature = Nature::Undocumented;
                    (requirement, format!("{UNKNOWN}{code}"))
                }
            }
        }
        _ => (refusal(operation, &due, permitted).unwrap_or(basics.unchanged), SUCCEEDED.to_owned()),
    };
    let was_looked_at = match accused.reply {
        Reply::Refused { code, .. } => is_documented(service, operation, code),
        _ => true,
    };
    // Whatever a call earns once it is let in, the failure is the same.
    if operation.requirements[requirement].kind == Kind::Access && was_looked_at {
        what = LET_IN.into();
    }
    let expected = expectations(service, operation, permitted);
    let summary =
        format!("{} answered {} where {} is due", operation.name, accused.reply.brief(), expected.join(" or "));
    Some(Finding {
        key: format!("{}#{what}", operation.requirements[requirement].id),
        nature,
        requirement: (accused.at, requirement),
        summary,
        expected,
        actual: accused.reply.to_json(),
        command: accused.command,
        culprit: accused.command,
        before: describe(service, before.worlds.first().map(|world| &**world.state)),
        orders: Vec::new(),
    })
}

/// What an operation promises where the answer is none of those that are permitted: by the likeliest reading, the row that is
/// due, or else success.
pub fn promise(operation: &Operation, permitted: &[Outcome]) -> Option<usize> {
    let basics = operation.basics?;
    let asked = |permitted: &[Outcome]| {
        let mut rows = due_rows(operation, permitted.iter().filter(|outcome| outcome.due));
        let may_succeed = permitted.iter().any(|outcome| outcome.answer == Answer::Success);
        rows.retain(|row| !may_succeed || operation.rows[*row].documented);
        if may_succeed && rows.is_empty() {
            return Some(success_promise(operation, permitted).unwrap_or(basics.success));
        }
        refusal(operation, &rows, permitted)
    };
    asked(&likeliest(permitted)).or_else(|| asked(permitted)).or(Some(basics.unchanged))
}

/// The outcomes that take the fewest unlikely answers to open questions.
fn likeliest(permitted: &[Outcome]) -> Vec<Outcome> {
    let n_unlikely = |outcome: &Outcome| outcome.choices.unlikely().count();
    let least = permitted.iter().map(n_unlikely).min();
    permitted.iter().filter(|outcome| Some(n_unlikely(outcome)) == least).cloned().collect()
}

/// The requirement that asks for a refusal: one that does so by every reading, or else by some; rows before prose.
fn refusal(operation: &Operation, due: &[usize], permitted: &[Outcome]) -> Option<usize> {
    let readings: BTreeSet<&Choices> = permitted.iter().map(|outcome| &outcome.choices).collect();
    let claims = |outcome: &Outcome, wanted: usize| outcome.claims.iter().any(|claim| claim.requirement == wanted);
    let certain = |wanted: &usize| {
        let claimed =
            |reading: &Choices| permitted.iter().any(|other| other.choices == *reading && claims(other, *wanted));
        readings.iter().all(|reading| claimed(reading))
    };
    let rows = due.iter().filter_map(|row| row_requirement(operation, *row));
    let prose = claimed(operation, permitted, |answer| *answer != Answer::Success);
    let found = rows.chain(prose).find(certain);
    found.or_else(|| promised(operation, due, permitted)).or_else(|| refusal_promise(operation, permitted))
}

/// Rows that a permitted outcome answers with.
fn due_rows<'a>(operation: &Operation, permitted: impl IntoIterator<Item = &'a Outcome>) -> Vec<usize> {
    let mut rows: Vec<usize> = permitted
        .into_iter()
        .filter_map(|outcome| match outcome.answer {
            Answer::Refused(Refused::Row(row)) => Some(row),
            _ => None,
        })
        .collect();
    rows.retain(|row| !operation.rows[*row].unprovokable);
    rows.sort_by_key(|row| (!operation.rows[*row].documented, *row));
    rows.dedup();
    rows
}

fn row_requirement(operation: &Operation, row: usize) -> Option<usize> {
    operation.rows[row].requirement
}

/// The first due row that is a requirement, with a condition that held.
fn promised(operation: &Operation, due: &[usize], permitted: &[Outcome]) -> Option<usize> {
    let claimed: BTreeSet<usize> =
        permitted.iter().flat_map(|outcome| &outcome.claims).map(|claim| claim.requirement).collect();
    due.iter().filter_map(|row| row_requirement(operation, *row)).find(|requirement| claimed.contains(requirement))
}

fn claimed<'a>(
    operation: &'a Operation,
    permitted: &'a [Outcome],
    wanted: impl Fn(&Answer) -> bool + 'a,
) -> impl Iterator<Item = usize> + 'a {
    operation.promises.iter().map(|promise| promise.requirement).filter(move |requirement| {
        permitted.iter().any(|outcome| {
            wanted(&outcome.answer)
                && outcome
                    .claims
                    .iter()
                    .any(|claim| claim.requirement == *requirement && claim.aspect == Aspect::Answer)
        })
    })
}

fn success_promise(operation: &Operation, permitted: &[Outcome]) -> Option<usize> {
    claimed(operation, permitted, |answer| *answer == Answer::Success).next()
}

fn refusal_promise(operation: &Operation, permitted: &[Outcome]) -> Option<usize> {
    claimed(operation, permitted, |answer| *answer != Answer::Success).next()
}

/// What was permitted, in words, without repetition.
pub fn expectations(service: &Service, operation: &Operation, permitted: &[Outcome]) -> Vec<String> {
    let mut list = Vec::new();
    let speaks = |outcome: &&Outcome| match outcome.answer {
        Answer::Refused(Refused::Row(row)) => !operation.rows[row].unprovokable,
        Answer::Refused(Refused::Common(_)) => false,
        _ => true,
    };
    for text in permitted.iter().filter(speaks).flat_map(|outcome| words(service, operation, outcome)) {
        if !list.contains(&text) {
            list.push(text);
        }
    }
    list.sort_by_key(|text| text == ANY);
    list
}

/// A field of a successful answer that is not as documented.
pub fn field(accused: &Accused<'_>, requirement: usize, what: &str, expected: String, actual: Value) -> Finding {
    let operation = accused.set.operation(accused.at);
    let asked = &operation.requirements[requirement];
    Finding {
        key: format!("{}#{what}", asked.id),
        nature: Nature::Violation,
        requirement: (accused.at, requirement),
        summary: format!("{} answered with {what}", operation.name),
        expected: vec![expected],
        actual,
        command: accused.command,
        culprit: accused.command,
        before: Vec::new(),
        orders: Vec::new(),
    }
}

/// An open question of the operation that was answered otherwise before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub question: usize,
    /// What was answered first, and what now: alternatives, or orders of codes.
    pub first: String,
    pub now: String,
}

impl Changed {
    /// The first choice of an outcome that differs from what is known.
    pub fn of(operation: &Operation, known: &Choices, outcome: &Outcome) -> Option<Self> {
        outcome.choices.iter().find_map(|(question, now)| {
            let first = known.get(question).filter(|first| *first != now)?;
            let name = |choice: usize| operation.questions[question].names([&choice]);
            Some(Self { question, first: name(first), now: name(now) })
        })
    }
}

/// What a change of mind comes to.
pub fn change_of_mind(accused: &Accused<'_>, Changed { question, first, now }: &Changed) -> Finding {
    let operation = accused.set.operation(accused.at);
    let asked = &operation.questions[*question];
    let expected = format!("{first}, as before: {}", asked.question);
    let summary =
        format!("{} answers the open question `{}` in two ways: {first}, and {now}", operation.name, asked.id);
    Finding {
        nature: Nature::Inconsistent,
        summary,
        ..field(accused, asked.requirement, MIND_CHANGED, expected, accused.reply.to_json())
    }
}

/// What was to be refused was done.
const SUCCEEDED: &str = "answered success";
/// Whoever is to be refused was not.
const LET_IN: &str = "let in";
/// Begins what was done, where the code is right and its status is not.
const STATUS: &str = "status ";
/// The same, where no document knows the code.
const UNKNOWN: &str = "unknown code ";
/// How the key of a finding ends that says so of one script.
const MIND_CHANGED: &str = "a change of mind";
/// End of the key of an open question that was answered in two ways by several cases.
pub const TWO_ANSWERS: &str = "#two answers";

/// End of the key of a call that never earned an answer.
pub const NO_ANSWER: &str = "#no answer";
/// How keys end of findings about what took longer than patience.
pub const LATE: &str = "#not within patience";
/// End of the key of a value that answers of several cases share.
const SHARED: &str = "#the same in several cases";

/// A value that stands in answers of several cases, and may not.
pub fn repeated(set: &SpecSet, unique: &Unique) -> Finding {
    let (at, requirement) = unique.requirement;
    let operation = set.operation(at);
    let asked = &operation.requirements[requirement];
    Finding {
        key: format!("{}{SHARED}", asked.id),
        nature: Nature::Violation,
        requirement: unique.requirement,
        summary: format!("{} gives several answers one value that is to differ", operation.name),
        expected: vec!["a value of its own in every answer".into()],
        actual: unique.value.clone().into(),
        command: 0,
        culprit: 0,
        before: Vec::new(),
        orders: Vec::new(),
    }
}

/// Whether two keys are of one failure. Which symptom of it a race shows depends on which call or read came first.
pub fn is_same(key: &str, other: &str, racing: bool) -> bool {
    let parted = key.split_once('#').zip(other.split_once('#'));
    key == other || (racing && parted.is_some_and(|((requirement, _), (its, _))| requirement == its))
}

/// Whether a failure says nothing that another one does not say: that a question was answered in two ways is the same,
/// whether one script shows it or several cases do.
pub fn is_told_by(key: &str, other: &str) -> bool {
    fn asked(key: &str) -> Option<&str> {
        key.strip_suffix(TWO_ANSWERS).or_else(|| key.strip_suffix(MIND_CHANGED)?.strip_suffix('#'))
    }
    key == other || asked(key).is_some_and(|question| asked(other) == Some(question))
}

/// Whether one run of a script shows a finding; some take several runs, or several cases.
pub fn is_of_one_run(finding: &Finding) -> bool {
    ![TWO_ANSWERS, NO_ANSWER, SHARED].iter().any(|end| finding.key.ends_with(end))
}

/// Whether a finding is about calls that overlap.
pub fn is_of_overlap(set: &SpecSet, finding: &Finding) -> bool {
    let (at, requirement) = finding.requirement;
    set.operation(at).requirements[requirement].kind == Kind::Overlap
}

/// Whether a finding rests on what is there, rather than on the form of a call or an answer alone.
pub fn is_of_state(set: &SpecSet, finding: &Finding) -> bool {
    let (at, requirement) = finding.requirement;
    let what = finding.what();
    let is_of_form = match set.operation(at).requirements[requirement].kind {
        Kind::Response => true,
        Kind::Param => what == SUCCEEDED,
        _ => false,
    };
    !is_of_form && !what.starts_with(STATUS) && what != LET_IN && !finding.key.ends_with(NO_ANSWER)
}

/// What an endpoint did that may be one bug wherever it shows: it refused with this code, with this status, or never answered.
pub fn refused_so(finding: &Finding) -> Option<&str> {
    let what = finding.what();
    let is_other = [STATUS, UNKNOWN].iter().any(|begin| what.starts_with(begin));
    let is_refusal = what.strip_prefix("answered ").map_or(is_other, |code| code != "success");
    (is_refusal || finding.key.ends_with(NO_ANSWER)).then_some(what)
}

/// It is about waiting, which has to last all patience.
pub fn is_late(finding: &Finding) -> bool {
    finding.key.ends_with(LATE)
}

/// The states of all resources, a line for each.
pub fn describe(service: &Service, state: Option<&State>) -> Vec<String> {
    let Some(state) = state else { return Vec::new() };
    let mut lines = Vec::new();
    for (key, resource) in state.resources.iter().filter(|(key, _)| !is_given(key)) {
        let kind = &service.kinds[resource.kind];
        if resource.deleted {
            lines.push(format!("{key}: deleted"));
            continue;
        }
        let values = kind.attributes.iter().zip(&resource.attributes).filter(|(attribute, value)| {
            **value != attribute.kind.initial() || matches!(attribute.name.as_str(), "status")
        });
        let values: Vec<String> = values
            .filter(|(attribute, _)| attribute.name != "name")
            .map(|(attribute, value)| format!("{} {value}", attribute.name))
            .collect();
        let leaving = if state.is_leaving(key) { ", being removed" } else { "" };
        lines.push(format!("{key}: {}{leaving}", values.join(", ")));
    }
    lines
}

/// The level decides whether a finding makes the verdict.
pub fn counts(set: &SpecSet, finding: &Finding) -> bool {
    let (at, requirement) = finding.requirement;
    match finding.nature {
        Nature::Violation => set.operation(at).requirements[requirement].level != Level::Open,
        Nature::Inconsistent => true,
        Nature::Undocumented => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::{
        Accused, Belief, LATE, NO_ANSWER, Reply, SHARED, TWO_ANSWERS, answer, counts, is_late, is_of_one_run,
        is_of_overlap, is_same, is_told_by,
    };
    use crate::{
        model::{
            Caller, Choices, outcomes,
            shop::{DELETE, call, param, promise, question, row, shop},
        },
        oracle::{Finding, Nature},
        spec::embedded,
    };

    /// A success where a refusal is due.
    #[test]
    fn a_wrong_success_breaks_what_asks_for_the_refusal_by_every_reading() {
        let refusal = |id: &str| {
            let id = if id.is_empty() {
                String::new()
            } else {
                format!("id = \"{id}\"\ntext = \"So.\"\nsource = \"Text\"\n")
            };
            format!("[[refusal]]\nwhen = \"Text == 'x'\"\ncodes = [\"Odd\"]\n{id}")
        };
        let asks = |id: &str, when: &str| promise(id, "refusal", when);
        let check = |tables: &[String], expected: &str| {
            let question = question("some-way", &["a", "b", "c"]);
            let set = shop(&(param("Text", "text", "") + &question + &tables.concat()));
            let (state, request) = call(&set, &[Some("x".into())], Caller::Main);
            let permitted = outcomes(&set, &state, &request, &Choices::default());
            let reply = Reply::Success { status: 200, fields: Map::new() };
            let accused = Accused { set: &set, at: DELETE, command: 0, reply: &reply };
            let found = answer(&accused, &Belief::default(), &permitted).expect("it is documented");
            assert_eq!(found.key, format!("shop/Delete/{expected}#answered success"), "{tables:?}");
        };
        check(&[refusal("")], "unchanged");
        check(&[refusal(""), asks("some", "some-way is a")], "promise/some");
        check(&[refusal(""), asks("most", "some-way in (a, b)"), asks("all", "true")], "promise/all");
        check(&[refusal(""), asks("most", "some-way in (a, b)"), asks("some", "some-way is a")], "promise/most");
        check(&[refusal("odd"), asks("all", "true")], "promise/odd");
        // What has a row of its own comes before what the prose asks for.
        check(&[refusal("odd"), row("Due", "Text == 'x'")], "error/Due");
    }

    /// No answer at all, where it depends on an open question what is due.
    #[test]
    fn no_answer_breaks_the_row_that_is_due_by_the_likeliest_reading_and_success_only_where_none_is() {
        let check = |rows: &str, expected: &str| {
            let set = shop(&(param("Text", "text", "") + &question("some-way", &["a", "b"]) + rows));
            let (state, request) = call(&set, &[Some("x".into())], Caller::Main);
            let permitted = outcomes(&set, &state, &request, &Choices::default());
            let operation = set.operation(DELETE);
            let found = super::promise(operation, &permitted).expect("something is promised");
            assert_eq!(operation.requirements[found].id, format!("shop/Delete/{expected}"), "{rows}");
        };
        check("", "success");
        check(&row("Due", "Text == 'x'"), "error/Due");
        check(&row("Due", "Text == 'x' and some-way is a"), "error/Due");
        check(&row("Due", "Text == 'x' and some-way is b"), "success");
        check(&row("Due", "Text == 'y'"), "success");
        check("[[refusal]]\nwhen = \"some-way is a\"\ncodes = [\"Odd\"]\n", "success");
    }

    #[test]
    fn symptoms_of_one_requirement_are_one_failure_of_a_race() {
        assert!(is_told_by("a/open/x#two answers", "a/open/x#a change of mind"));
        assert!(!is_told_by("a/open/x#two answers", "a/open/y#a change of mind"));
        assert!(!is_told_by("a/open/x#two answers", "a/open/x#answered"));
        for (key, other, alone, racing) in [
            ("a/success#x", "a/success#x", true, true),
            ("a/success#x", "a/success#y", false, true),
            ("a/success#x", "a/effect#x", false, false),
            ("a/success", "a/success", true, true),
            ("a/success", "a/effect", false, false),
        ] {
            assert_eq!((is_same(key, other, false), is_same(key, other, true)), (alone, racing), "{key} {other}");
        }
    }

    #[test]
    fn findings_are_told_apart_by_nature_key_and_requirement() {
        let set = embedded().expect("the specs are sound");
        let at = set.find("cvm/DeleteImages").expect("it is specified");
        let check = |id: &str, what: &str, nature: Nature, expected: [bool; 4]| {
            let id = format!("cvm/DeleteImages/{id}");
            let requirements = &set.operation(at).requirements;
            let requirement = requirements.iter().position(|one| one.id == id).expect("it is a requirement");
            let finding = Finding {
                key: format!("{id}{what}"),
                nature,
                requirement: (at, requirement),
                summary: String::new(),
                expected: Vec::new(),
                actual: serde_json::Value::Null,
                command: 0,
                culprit: 0,
                before: Vec::new(),
                orders: Vec::new(),
            };
            let found =
                [is_of_one_run(&finding), is_of_overlap(&set, &finding), is_late(&finding), counts(&set, &finding)];
            assert_eq!(found, expected, "{} {nature:?}", finding.key);
        };
        check("success", "#answered", Nature::Violation, [true, false, false, true]);
        check("overlap/seen", "#no order", Nature::Violation, [true, true, false, true]);
        check("effect", LATE, Nature::Violation, [true, false, true, true]);
        check("success", NO_ANSWER, Nature::Violation, [false, false, false, true]);
        check("response/RequestId", SHARED, Nature::Violation, [false, false, false, true]);
        check("success", "#answered", Nature::Undocumented, [true, false, false, false]);
        check("open/empty-list", "#a change of mind", Nature::Inconsistent, [true, false, false, true]);
        check("open/empty-list", TWO_ANSWERS, Nature::Inconsistent, [false, false, false, true]);
        check("open/empty-list", "#answered", Nature::Violation, [true, false, false, false]);
    }
}
