//! Histories written by hand, with verdicts that follow from the documents: the oracle's own test.
//!
//! Mock and oracle share the model, so their agreement proves little. Nothing here was produced by either: what was asked,
//! what came back and what follows from it stand in the `*.toml` files beside this one, one for each documented operation,
//! each history with the place in the document that decides it. [`notation`] says how they are written.
//!
//! ```sh
//! cargo test --test histories                    # all
//! cargo test --test histories ecs::DeleteImage   # one operation, or part of a name
//! ```

mod expand;
mod notation;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use aswritten::{
    oracle::{
        Finding, Judged, Nature,
        finding::{Order, Precedence, ReqRef},
        judge,
    },
    spec::{self, SpecSet, service::OpRef},
};
use libtest_mimic::{Arguments, Failed, Trial};
use notation::{Entry, File};
use serde_json::{Map, Value, json};

/// There are at least so many histories.
const FEWEST: usize = 60;

static SET: LazyLock<SpecSet> = LazyLock::new(|| spec::embedded().expect("the specs are sound"));

fn main() {
    let files = files();
    let mut trials = vec![
        Trial::test("there_are_enough", {
            let files = files.clone();
            move || there_are_enough(&files)
        }),
        Trial::test("mistakes_name_the_file_and_the_history", mistakes),
    ];
    for (path, text) in files {
        let name = file_name(&path);
        match notation::parse(&text) {
            Err(why) => trials.push(Trial::test(name.clone(), move || Err(format!("{name}: {why}").into()))),
            Ok(file) => {
                let file = Arc::new(file);
                for entry in file.histories.clone() {
                    let (file, path) = (file.clone(), name.clone());
                    let trial = format!("{}::{}", file.operation.replace('/', "::"), entry.name);
                    let kind = if entry.known.is_some() { "known" } else { "" };
                    trials.push(Trial::test(trial, move || Ok(check(&path, &file, &entry)?)).with_kind(kind));
                }
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Judges a history and holds the judgement against what is expected.
fn check(path: &str, file: &File, entry: &Entry) -> Result<(), String> {
    let place = |why: String| format!("{path}, history `{}`: {why}\n  why: {}", entry.name, entry.why);
    let subject = Subject { file, at: SET.find(&file.operation).ok_or_else(|| place("unknown operation".into()))? };
    let (script, history) = expand::expand(&SET, file, entry).map_err(place)?;
    let differences = subject.differences(entry, &judge(&SET, &script, &history)).map_err(place)?;
    match (&entry.known, differences.is_empty()) {
        (None, true) => Ok(()),
        (None, false) => Err(place(differences.join("; "))),
        (Some(_), false) => Ok(()),
        (Some(_), true) => Err(place("it is judged as it should be: take `known` away".into())),
    }
}

/// The documented operation that the histories of a file are about.
struct Subject<'a> {
    file: &'a File,
    at: OpRef,
}

impl Subject<'_> {
    /// Everything that the judgement has otherwise.
    ///
    /// # Errors
    /// What is expected makes no sense.
    fn differences(&self, entry: &Entry, judged: &Judged) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        found.extend(self.verdict(&entry.expected, judged)?);
        let exercised: BTreeSet<usize> = judged
            .exercised
            .iter()
            .filter(|(operation, _)| *operation == self.at)
            .map(|(_, requirement)| *requirement)
            .collect();
        for id in &entry.exercised {
            if !exercised.contains(&self.requirement(id)?) {
                found.push(format!("{id} was not exercised"));
            }
        }
        for id in &entry.not_exercised {
            if exercised.contains(&self.requirement(id)?) {
                found.push(format!("{id} was exercised"));
            }
        }
        for (question, expected) in &entry.observed {
            match self.observed(question, judged)? {
                Some(seen) if seen == *expected => {}
                Some(seen) => found.push(format!("{question} was observed as {seen}, not as {expected}")),
                None => found.push(format!("{question} was not observed, but is {expected}")),
            }
        }
        for question in &entry.not_observed {
            if let Some(seen) = self.observed(question, judged)? {
                found.push(format!("{question} was observed as {seen}"));
            }
        }
        if let Some(reason) = &entry.reason
            && !judged.reasons.iter().any(|known| known.text.contains(reason.as_str()))
        {
            found.push(format!("no reason says `{reason}`: {}", reasons(judged)));
        }
        let details = self.details(judged);
        for (name, expected) in &entry.detail {
            match details.get(name) {
                Some(detail) if detail == expected => {}
                Some(detail) => found.push(format!("{name}: {detail}, not {expected}")),
                None => return Err(format!("no detail is called `{name}`")),
            }
        }
        Ok(found)
    }

    /// What else it says, by the names that histories give it.
    fn details(&self, judged: &Judged) -> Value {
        let finding = judged.findings.first();
        let questions = &SET.operation(self.at).questions;
        let own = |requirement: &ReqRef| {
            let id = &SET.operation(requirement.0).requirements[requirement.1].id;
            id.strip_prefix(&format!("{}/", self.file.operation)).unwrap_or(id).to_owned()
        };
        let shown = |order: &Order| {
            let numbers: Vec<_> = order.commands.iter().map(|command| (command + 1).to_string()).collect();
            numbers.join(" ")
        };
        let beaten = |ranked: &Precedence| format!("{} over {}", ranked.winner, ranked.losers.join(", "));
        let answers = || judged.answers.iter().filter(|seen| seen.operation == self.at);
        let labels = answers().map(|seen| (questions[seen.question].id.clone(), seen.label.clone().into()));
        let proven = answers().map(|seen| {
            let asked = &questions[seen.question];
            (asked.id.clone(), asked.names(&seen.proven).into())
        });
        json!({
            "due": finding.map(|finding| &finding.expected),
            "actual": finding.map(|finding| &finding.actual),
            "before": finding.map(|finding| &finding.before),
            "shown_by": finding.map(|finding| finding.command + 1),
            "culprit": finding.map(|finding| finding.culprit + 1),
            "orders": finding.map(|finding| finding.orders.iter().map(shown).collect::<Vec<_>>()),
            "refuted": finding.map(|finding| finding.orders.iter().map(|order| &order.why).collect::<Vec<_>>()),
            "overlapped": format!("{} of {}", judged.races.overlapped, judged.races.pairs),
            "beaten": judged.precedence.iter().map(beaten).collect::<Vec<_>>(),
            "labels": labels.collect::<Map<_, _>>(),
            "proven": proven.collect::<Map<_, _>>(),
            "reworded": judged.messages.iter().map(|one| format!("{}: {}", one.code, one.message)).collect::<Vec<_>>(),
            "promised": judged.reasons.iter().filter_map(|reason| reason.promised.as_ref()).map(|promised| own(&promised.requirement)).collect::<Vec<_>>(),
        })
    }

    fn verdict(&self, expected: &Value, judged: &Judged) -> Result<Option<String>, String> {
        let natures = [
            ("violates", Nature::Violation),
            ("undocumented", Nature::Undocumented),
            ("inconsistent", Nature::Inconsistent),
        ];
        let due = match expected {
            Value::String(verdict) if verdict == "conforms" => None,
            Value::String(verdict) if verdict == "inconclusive" => {
                let judgeable = judged.findings.is_empty() && judged.reasons.is_empty();
                return Ok(if judgeable { Some("it could be judged, and conforms".into()) } else { listed(judged) });
            }
            Value::Object(map) if map.len() == 1 => {
                let nature = natures.iter().find_map(|(word, nature)| Some((nature, map.get(*word)?.as_str()?)));
                Some(nature.ok_or_else(|| format!("`{expected}` is no verdict"))?)
            }
            other => return Err(format!("`{other}` is no verdict")),
        };
        let Some((nature, id)) = due else {
            let reasons = (!judged.reasons.is_empty()).then(|| format!("it could not be judged: {}", reasons(judged)));
            return Ok(listed(judged).or(reasons));
        };
        let (requirement, what) = id.split_once('#').unwrap_or((id, ""));
        let requirement = self.requirement(requirement)?;
        let is_due = |finding: &Finding| {
            finding.nature == *nature
                && finding.requirement == (self.at, requirement)
                && (what.is_empty() || finding.key.split_once('#').is_some_and(|(_, found)| found == what))
        };
        Ok(match &judged.findings[..] {
            [finding] if is_due(finding) => None,
            [] => Some(format!("{} of {id} was not found; {}", nature.name(), reasons(judged))),
            _ => Some(format!("expected {} of {id}; {}", nature.name(), listed(judged).unwrap_or_default())),
        })
    }

    fn requirement(&self, id: &str) -> Result<usize, String> {
        let whole = format!("{}/{id}", self.file.operation);
        let requirements = &SET.operation(self.at).requirements;
        requirements
            .iter()
            .position(|requirement| requirement.id == whole)
            .ok_or_else(|| format!("no requirement is called `{id}`"))
    }

    /// Answers to a question that remain possible, when they are fewer than all.
    fn observed(&self, question: &str, judged: &Judged) -> Result<Option<String>, String> {
        let questions = &SET.operation(self.at).questions;
        let index = questions.iter().position(|known| known.id == question);
        let index = index.ok_or_else(|| format!("no question is called `{question}`"))?;
        let seen = judged.answers.iter().find(|seen| seen.operation == self.at && seen.question == index);
        Ok(seen.map(|seen| questions[index].names(&seen.possible)))
    }
}

/// The findings, in words; none when there is none.
fn listed(judged: &Judged) -> Option<String> {
    let line = |finding: &Finding| {
        format!(
            "found {} {}: {}, {}",
            finding.nature.name(),
            finding.key,
            finding.summary,
            finding.expected.join(" or ")
        )
    };
    let lines: Vec<String> = judged.findings.iter().map(line).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

fn reasons(judged: &Judged) -> String {
    let texts: Vec<&str> = judged.reasons.iter().map(|reason| reason.text.as_str()).collect();
    if texts.is_empty() { "no reasons".into() } else { texts.join("; ") }
}

/// The collection is what it claims to be.
fn there_are_enough(files: &[(PathBuf, String)]) -> Result<(), Failed> {
    let mut trouble = Vec::new();
    let (mut total, mut legal) = (0, 0);
    let mut described = BTreeSet::new();
    for (path, text) in files {
        // What cannot be read fails by itself.
        let Ok(file) = notation::parse(text) else { continue };
        if file_name(path) != format!("{}.toml", file.operation.replace('/', "-")) {
            trouble.push(format!("{} is about {}", file_name(path), file.operation));
        }
        let names: BTreeSet<&str> = file.histories.iter().map(|entry| entry.name.as_str()).collect();
        if names.len() < file.histories.len() {
            trouble.push(format!("{} has one name twice", file_name(path)));
        }
        total += file.histories.len();
        legal += file.histories.iter().filter(|entry| entry.expected.is_string()).count();
        if !file.histories.is_empty() {
            described.insert(file.operation);
        }
    }
    if total < FEWEST {
        trouble.push(format!("only {total} histories were found, {FEWEST} at least are due"));
    }
    if legal * 3 < total {
        trouble.push(format!("only {legal} of {total} histories are legal"));
    }
    let documented = SET.operations().filter(|(_, operation)| operation.is_documented());
    for (_, operation) in documented.filter(|(_, operation)| !described.contains(&operation.id)) {
        trouble.push(format!("no history is about {}", operation.id));
    }
    if trouble.is_empty() { Ok(()) } else { Err(trouble.join("; ").into()) }
}

/// Mistakes in histories are found, and say where they are.
fn mistakes() -> Result<(), Failed> {
    let history = |rest: &str| {
        format!("operation = \"ecs/DeleteImage\"\n[[history]]\nname = \"it\"\nwhy = \"Because.\"\n{rest}\n")
    };
    let steps = |steps: &str, expected: &str| history(&format!("steps = [{steps}]\nexpected = {expected}"));
    let missing = r#"{ call = "DeleteImage", with = { ImageId = "m-bp1missing0000000000" }, answer = "404 InvalidImageId.NotFound" }"#;
    let cases = [
        (history("stepz = []"), "unknown field `stepz`"),
        (steps("", "\"conforms\""), "it has no steps"),
        (steps("\"available\"", "\"conforms\""), "there is no prelude `available`"),
        (steps("{ call = \"Nothing\" }", "\"conforms\""), "nothing is called `Nothing`"),
        (steps("{ call = \"DeleteImage\", with = { Id = 1 } }", "\"conforms\""), "DeleteImage has no parameter `Id`"),
        (steps("{ call = \"DeleteImage\", answer = \"maybe\" }", "\"conforms\""), "`maybe` is no answer"),
        (steps("{ read = \"$image1\", shows = \"nothing\" }", "\"conforms\""), "nothing made $image1"),
        (steps("{ read = \"$cat1\" }", "\"conforms\""), "no resource is called `$cat1`"),
        (steps(missing, "\"good\""), "`\"good\"` is no verdict"),
        (steps(missing, "{ violates = \"error/Cat\" }"), "no requirement is called `error/Cat`"),
        (steps(missing, "{ violates = \"success\" }"), "violation of success was not found"),
        (steps(missing, "\"inconclusive\""), "it could be judged, and conforms"),
        (steps(missing, "\"conforms\"\nexercised = [\"success\"]"), "success was not exercised"),
        (steps(missing, "\"conforms\"\nobserved = { missing-image = \"ignored\" }"), "was observed as refused"),
        (steps(missing, "\"conforms\"\ndetail.cat = 1"), "no detail is called `cat`"),
        (steps(missing, "\"conforms\"\ndetail.beaten = [\"A over B\"]"), "beaten: []"),
        (steps("{ call = \"DeleteImage\", lane = 1 }", "\"conforms\""), "`lane` and `during` go together"),
        (steps(missing, "\"conforms\"\nknown = \"It is not.\""), "take `known` away"),
    ];
    let mut trouble = Vec::new();
    for (text, expected) in &cases {
        let result = notation::parse(text)
            .map_err(|why| format!("some.toml, {why}"))
            .and_then(|file| file.histories.iter().try_for_each(|entry| check("some.toml", &file, entry)));
        let message = result.err().unwrap_or_else(|| "no message".into());
        if !message.contains(expected) || !message.contains("some.toml") || !message.contains("history `it`") {
            trouble.push(format!("`{expected}` is not in: {message}"));
        }
    }
    if trouble.is_empty() { Ok(()) } else { Err(trouble.join("\n").into()) }
}

fn files() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let entries = fs::read_dir(&folder).expect("the folder of histories").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort();
    let read = |path: PathBuf| (path.clone(), fs::read_to_string(&path).expect("a readable file"));
    files.into_iter().map(read).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
