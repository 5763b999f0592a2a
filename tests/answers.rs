//! A mock that answers an open question in any documented way departs from nothing, and the suite says which way it was.
//!
//! Mock and oracle share the model, so this proves nothing about documents. It proves that the suite raises no false alarm:
//! whatever an endpoint answers within its freedom, at whatever pace, is not held against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock, OnceLock},
};

use aswritten::{
    campaign::{Outcome, Settings, Verdict, outcome::Observation, run_planned},
    endpoint::{Endpoint, in_process::InProcess},
    execute::{Givens, Surroundings},
    generate::{Generator, Options},
    mock::{Mock, Policy},
    sequence::{Script, command::line},
    spec::{
        self, Operation, SpecSet,
        operation::{Code, Question},
        service::OpRef,
    },
};

/// How long the mock's work takes where nothing else is said, in virtual milliseconds.
const SETTLE_MS: u64 = 20;
/// Rounds over all requirements, for each answer.
const ROUNDS: u64 = 2;
/// Seeds of the plain mock.
const SEEDS: u64 = 12;
/// Variable with another number of seeds, for a longer hunt.
const SEEDS_VARIABLE: &str = "ASWRITTEN_SEEDS";
/// False alarms that are known: id of an answer, and why it cannot be helped yet.
const KNOWN: &[(&str, &str)] = &[];

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));

/// The same tests for each documented operation.
macro_rules! operations {
    ($($name:ident: $id:literal),+ $(,)?) => {
        const OPERATIONS: &[&str] = &[$($id),+];
        $(mod $name {
            #[test]
            fn every_answer_conforms_and_is_observed() { super::every_answer($id); }
            #[test]
            fn every_seed_conforms() { super::every_seed($id); }
            #[test]
            fn every_pace_conforms() { super::every_pace($id); }
            #[test]
            fn scripts_follow_from_the_seed() { super::same_scripts($id); }
        })+
    };
}

operations! {
    ecs_delete_image: "ecs/DeleteImage",
    ecs_delete_image_legacy: "ecs/DeleteImage@legacy",
    ens_delete_image: "ens/DeleteImage",
    swas_delete_custom_images: "swas/DeleteCustomImages",
    cvm_delete_images: "cvm/DeleteImages",
}

#[test]
fn every_documented_operation_is_here() {
    let documented: BTreeSet<&str> = SET
        .operations()
        .filter(|(_, operation)| operation.is_documented())
        .map(|(_, operation)| &*operation.id)
        .collect();
    assert_eq!(documented, OPERATIONS.iter().copied().collect());
}

#[test]
fn known_false_alarms_are_answers() {
    let answers: Vec<String> =
        SET.operations().flat_map(|(_, operation)| answers(operation)).map(|(id, ..)| id).collect();
    for (id, why) in KNOWN {
        assert!(answers.iter().any(|answer| answer == id), "no answer is called {id} ({why})");
    }
}

fn every_answer(id: &str) {
    let subject = Subject::of(id);
    let generator = subject.generator();
    let mut trouble = Vec::new();
    for (answer, question, choice) in answers(SET.operation(subject.at)) {
        let mut policy = subject.policy(SETTLE_MS);
        policy.answer(&SET, &answer).expect("it is one of its answers");
        let outcome = subject.campaign(generator, policy, ROUNDS);
        let mut found = alarms(&outcome);
        found.extend(misreported(SET.operation(subject.at), question, choice, &outcome));
        let known = KNOWN.iter().any(|(known, _)| *known == answer);
        match (known, found.is_empty()) {
            (true, true) => trouble.push(format!("{answer} raises no false alarm any more: take it off the list")),
            (false, false) => trouble.push(format!("{answer}:\n{}", found.join("\n"))),
            _ => {}
        }
    }
    assert!(trouble.is_empty(), "{}", trouble.join("\n\n"));
}

fn every_seed(id: &str) {
    let subject = Subject::of(id);
    let mut trouble = Vec::new();
    let seeds = std::env::var(SEEDS_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        let seed = format!("seed {seed}");
        let generator = subject.generator().again(&seed, options());
        let outcome = subject.campaign(&generator, subject.policy(SETTLE_MS), ROUNDS);
        let found = alarms(&outcome);
        if !found.is_empty() {
            trouble.push(format!("{seed}:\n{}", found.join("\n")));
        }
    }
    assert!(trouble.is_empty(), "{}", trouble.join("\n\n"));
}

fn every_pace(id: &str) {
    let subject = Subject::of(id);
    for settle_ms in [0, 1, 20, 200] {
        let outcome = subject.campaign(subject.generator(), subject.policy(settle_ms), ROUNDS);
        let found = alarms(&outcome);
        assert!(found.is_empty(), "work that takes {settle_ms} ms:\n{}", found.join("\n"));
    }
}

fn same_scripts(id: &str) {
    let subject = Subject::of(id);
    let scripts = |generator: &Generator<'_>| -> Vec<String> {
        let cases = (0..50).map(|number| generator.case(number).expect("there are aims"));
        cases.map(|script| script.to_json(&SET).to_string()).collect()
    };
    let planned = subject.generator();
    let anew = Generator::new(&SET, &[subject.at], SEED, options());
    assert_eq!(scripts(planned), scripts(&anew), "the same seed plans the same scripts");
    assert_eq!(scripts(planned), scripts(&anew.again(SEED, options())), "plans that are used again change nothing");
    let other = scripts(&anew.again("another", options()));
    assert_ne!(scripts(planned), other, "another seed makes other scripts");
    let first: Vec<Vec<String>> =
        (0..5).filter_map(|number| planned.case(number)).map(|script| lines(&script)).collect();
    insta::with_settings!({ snapshot_path => "../snapshots/scripts", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!(id.replace('/', "-"), first);
    });
}

const SEED: &str = "answers";

/// A documented operation on a mock that serves its edition.
struct Subject {
    id: String,
    at: OpRef,
}

impl Subject {
    fn of(id: &str) -> Self {
        Self { id: id.into(), at: SET.find(id).expect("it is specified") }
    }

    /// Plans are made once for each operation.
    fn generator(&self) -> &'static Generator<'static> {
        static GENERATORS: LazyLock<BTreeMap<OpRef, OnceLock<Generator<'static>>>> = LazyLock::new(|| {
            SET.operations()
                .filter(|(_, operation)| operation.is_documented())
                .map(|(at, _)| (at, OnceLock::new()))
                .collect()
        });
        GENERATORS[&self.at].get_or_init(|| Generator::new(&SET, &[self.at], SEED, options()))
    }

    fn policy(&self, settle_ms: u64) -> Policy {
        let mut policy = Policy::new(&SET, settle_ms);
        if SET.operation(self.at).edition.is_some() {
            policy.edition(&SET, &self.id).expect("it is an edition");
        }
        policy
    }

    fn campaign(&self, generator: &Generator<'_>, policy: Policy, rounds: u64) -> Outcome {
        let patience_ms = 2_000 + 20 * policy.settle_ms;
        let endpoint: Arc<dyn Endpoint> = Arc::new(InProcess::new(Mock::new(SET.clone(), policy)));
        let settings = Settings {
            seed: SEED.into(),
            operations: vec![(self.at, 0)],
            cases: Some(generator.aims().len() as u64 * rounds),
            workers: 1,
            max_requests: None,
            max_time: None,
            shrink_requests: 250,
            stop_at_first: false,
            around: Surroundings {
                givens: Givens::defaults(&SET),
                run: "answers".into(),
                patience_ms,
                linger_ms: 100,
                clean: true,
                pace: Default::default(),
            },
            options: options(),
            interrupted: Arc::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run_planned(&SET, &settings, generator, &[endpoint], &|_| {}))
    }
}

/// Everything that a mock offers.
fn options() -> Options {
    let probes = SET.services.iter().flat_map(|service| &service.givens).filter(|given| given.probe);
    let mut probes: Vec<_> = probes.map(|given| format!("$given.{}", given.name).as_str().into()).collect();
    probes.sort();
    probes.dedup();
    Options { probes, careful: false, restricted: (0..SET.services.len()).collect(), only: Vec::new() }
}

/// Every answer to every question, as `aswritten --answer` takes it.
fn answers(operation: &Operation) -> impl Iterator<Item = (String, usize, usize)> {
    operation.questions.iter().enumerate().flat_map(|(index, question)| {
        let id = &operation.requirements[question.requirement].id;
        question.answers.iter().enumerate().map(move |(choice, answer)| (format!("{id}={}", answer.id), index, choice))
    })
}

/// Findings, each with its script; also when nothing was judged.
fn alarms(outcome: &Outcome) -> Vec<String> {
    let mut list: Vec<String> = outcome
        .findings
        .iter()
        .map(|result| {
            let finding = &result.finding;
            format!(
                "  {} ({} cases, stable: {})\n  {}\n  expected {}\n  actual {}\n  before {}\n{}",
                finding.key,
                result.cases,
                result.stable,
                finding.summary,
                finding.expected.join(" or "),
                finding.actual,
                finding.before.join("; "),
                answered(result.script.clone(), &result.history).join("\n"),
            )
        })
        .collect();
    if outcome.verdict != Verdict::Conforms {
        list.push(format!("  the verdict is {}", outcome.verdict.name()));
    }
    list
}

fn lines(script: &Script) -> Vec<String> {
    script.commands.iter().map(|command| line(&SET, command)).collect()
}

fn answered(script: Script, history: &aswritten::history::History) -> Vec<String> {
    let replies = |index: usize| {
        let exchanges = history.exchanges.iter().filter(move |exchange| exchange.command == index);
        exchanges.map(|exchange| exchange.reply.brief()).collect::<Vec<_>>().join(", ")
    };
    let lines = lines(&script).into_iter().enumerate();
    lines.map(|(index, line)| format!("    {}. {line} -> {}", index + 1, replies(index))).collect()
}

/// The observation of a question that was exercised is not the answer that was given.
fn misreported(operation: &Operation, question: usize, choice: usize, outcome: &Outcome) -> Option<String> {
    let asked = &operation.questions[question];
    let results = outcome.operations.iter().flat_map(|result| &result.requirements);
    let exercised = results.filter(|result| result.requirement == asked.requirement).any(|result| result.exercised > 0);
    let id = &operation.requirements[asked.requirement].id;
    let seen: Vec<&Observation> = outcome.observations.iter().filter(|seen| seen.question == *id).collect();
    // An order counts as exercised when a later read proves that several codes were due; what was due in every state that
    // was possible at the time of the call is less, and only that is observed.
    if exercised && !asked.precedence && seen.is_empty() {
        return Some("  it was exercised, and nothing was observed".into());
    }
    let wrong = seen.into_iter().find(|seen| !reports(operation, asked, choice, seen))?;
    Some(format!("  observed as {} ({})", wrong.choice.as_deref().unwrap_or("an order"), wrong.answer))
}

fn reports(operation: &Operation, asked: &Question, choice: usize, seen: &Observation) -> bool {
    if let Some(reported) = &seen.choice {
        return reported.split(" or ").any(|reported| *reported == *asked.answers[choice].id);
    }
    let Some((winner, loser)) = seen.answer.split_once(" before ") else { return false };
    let row = |code: &str| {
        let is = |known: &Code| matches!(known, Code::Exact(exact) if exact == code);
        operation.rows.iter().position(|row| row.codes.iter().any(is))
    };
    let (Some(winner), Some(loser)) = (row(winner), row(loser)) else { return true };
    (choice == 1) == (winner > loser)
}
