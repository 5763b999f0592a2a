//! A mock that answers an open question in any documented way departs from nothing, and the suite says which way it was.
//!
//! Mock and oracle share the model, so this proves nothing about documents. It proves that the suite raises no false alarm:
//! whatever an endpoint answers within its freedom, at whatever pace, is not held against it.

#[path = "support/throttled.rs"]
mod throttled;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aswritten::{
    campaign::{Outcome, Settings, Verdict, outcome::Observation, run_planned},
    endpoint::{Call, Endpoint, Sent, in_process::InProcess},
    execute::{Givens, Surroundings},
    generate::{Generator, Options},
    history::{Reply, Trouble, TroubleKind},
    mock::{Mock, Policy},
    sequence::{Script, command::line},
    spec::{
        self, Operation, SpecSet,
        operation::{Code, Question},
        service::OpRef,
    },
};

use throttled::throttled;

/// How long the mock's work takes where nothing else is said, in virtual milliseconds.
const SETTLE_MS: u64 = 20;
/// Rounds over all requirements, for each answer.
const ROUNDS: u64 = 2;
/// Seeds of the plain mock.
const SEEDS: u64 = 12;
/// Seeds of the disturbed mock; these have shown false alarms.
const DISTURBED: u64 = 45;
/// Patience with the mock's pace, in virtual milliseconds.
const PATIENCE_MS: u64 = 2_000;
/// How long work takes, up to as long as patience lasts.
const PACES_MS: [u64; 9] = [SETTLE_MS, 0, 1, 7, 50, 500, PATIENCE_MS - 200, PATIENCE_MS - 50, PATIENCE_MS - 1];
/// Of the requirements that an undisturbed mock lets exercise, so many percent are exercised on a disturbed one.
const LEAST_SHARE: usize = 80;
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
            fn every_pair_of_answers_conforms() { super::every_pair($id); }
            #[test]
            fn disturbances_are_no_departures() { super::disturbed($id); }
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
        let outcome = subject.campaign(generator, policy);
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
    let mut scale = Scale::default();
    for seed in 0..wanted("ASWRITTEN_SEEDS", SEEDS) {
        let seed = format!("seed {seed}");
        let generator = subject.generator().again(&seed, options());
        let outcome = subject.campaign(&generator, subject.policy(SETTLE_MS));
        scale.add(&outcome);
        trouble.extend(named(&seed, alarms(&outcome)));
    }
    scale.tell("seeds", id);
    assert!(trouble.is_empty(), "{}", trouble.join("\n\n"));
}

/// Answers to several questions may depend on each other: each pair of them is tried.
fn every_pair(id: &str) {
    let subject = Subject::of(id);
    let rows = subject.rows();
    let (mut trouble, mut scale) = (Vec::new(), Scale::default());
    for row in &rows {
        let (policy, said) = subject.answering(row, SETTLE_MS);
        let outcome = subject.campaign(subject.generator(), policy);
        scale.add(&outcome);
        trouble.extend(named(&said, alarms(&outcome)));
    }
    scale.tell("pairs", id);
    assert!(trouble.is_empty(), "{} of {} rows\n{}", trouble.len(), rows.len(), trouble.join("\n\n"));
}

/// Lost, delayed and throttled answers cost coverage, and nothing else.
fn disturbed(id: &str) {
    let subject = Subject::of(id);
    let (mut trouble, mut scale) = (Vec::new(), Scale::default());
    let rows = subject.rows();
    let (mut calm, mut left) = (0, 0);
    for seed in 0..wanted("ASWRITTEN_DISTURBED", DISTURBED) {
        // Answers and paces take turns; the first is the plain mock.
        let turn = usize::try_from(seed).expect("there are not so many");
        let (policy, said) = subject.answering(&rows[turn % rows.len()], PACES_MS[turn % PACES_MS.len()]);
        let name = format!("seed {seed}, {} ms, {said}", policy.settle_ms);
        let generator = subject.generator().again(&format!("seed {seed}"), options());
        calm += exercised(&subject.campaign(&generator, policy.clone()));
        let inner = InProcess::new(Mock::new(SET.clone(), policy));
        let outcome = subject.judged(&generator, Arc::new(Disturbed { inner, seed, sent: AtomicU64::new(0) }));
        assert!(outcome.reasons.iter().any(|(text, _)| text.contains("throttled")), "{:?}", outcome.reasons);
        left += exercised(&outcome);
        scale.add(&outcome);
        trouble.extend(named(&name, alarms(&outcome)));
    }
    let share = left * 100 / calm;
    println!("{share} % of {calm} exercised requirements of {id} are left");
    if share < LEAST_SHARE {
        trouble.push(format!("only {share} % of {calm} requirements are exercised"));
    }
    scale.tell("disturbed", id);
    assert!(trouble.is_empty(), "{}", trouble.join("\n\n"));
}

fn every_pace(id: &str) {
    let subject = Subject::of(id);
    let mut scale = Scale::default();
    for settle_ms in PACES_MS {
        let outcome = subject.campaign(subject.generator(), subject.policy(settle_ms));
        scale.add(&outcome);
        let found = alarms(&outcome);
        assert!(found.is_empty(), "work that takes {settle_ms} ms:\n{}", found.join("\n"));
    }
    scale.tell("paces", id);
}

fn same_scripts(id: &str) {
    let subject = Subject::of(id);
    let scripts = |generator: &Generator<'_>| -> Vec<String> {
        // Tours, and what comes when all has been planned.
        let numbers = (0..50).chain(5_000..5_010);
        let cases = numbers.map(|number| generator.case(number).expect("there are aims"));
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

    /// Ways to answer all questions that cover each pair of answers.
    fn rows(&self) -> Vec<Vec<usize>> {
        let questions = &SET.operation(self.at).questions;
        covering(&questions.iter().map(|question| question.answers.len()).collect::<Vec<_>>())
    }

    /// The policy with these answers, and its description.
    fn answering(&self, row: &[usize], settle_ms: u64) -> (Policy, String) {
        let operation = SET.operation(self.at);
        let mut policy = self.policy(settle_ms);
        let mut said = Vec::new();
        for (question, choice) in operation.questions.iter().zip(row) {
            let asked = &operation.requirements[question.requirement].id;
            let answer = format!("{asked}={}", question.answers[*choice].id);
            policy.answer(&SET, &answer).expect("it is one of its answers");
            said.push(answer);
        }
        (policy, said.join(", "))
    }

    fn policy(&self, settle_ms: u64) -> Policy {
        let mut policy = Policy::new(&SET, settle_ms);
        if SET.operation(self.at).edition.is_some() {
            policy.edition(&SET, &self.id).expect("it is an edition");
        }
        policy
    }

    fn campaign(&self, generator: &Generator<'_>, policy: Policy) -> Outcome {
        self.judged(generator, Arc::new(InProcess::new(Mock::new(SET.clone(), policy))))
    }

    fn judged(&self, generator: &Generator<'_>, endpoint: Arc<dyn Endpoint>) -> Outcome {
        let around = Surroundings {
            givens: Givens::defaults(&SET),
            run: "answers".into(),
            patience_ms: PATIENCE_MS,
            linger_ms: 100,
            clean: true,
            pace: Default::default(),
        };
        let settings = Settings {
            cases: Some(generator.aims().len() as u64 * wanted("ASWRITTEN_ROUNDS", ROUNDS)),
            options: options(),
            ..Settings::new(SEED, self.at, around)
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
    Options { probes, careful: false, restricted: (0..SET.services.len()).collect(), ..Options::default() }
}

/// Every answer to every question, as `aswritten --answer` takes it.
fn answers(operation: &Operation) -> impl Iterator<Item = (String, usize, usize)> {
    operation.questions.iter().enumerate().flat_map(|(index, question)| {
        let id = &operation.requirements[question.requirement].id;
        question.answers.iter().enumerate().map(move |(choice, answer)| (format!("{id}={}", answer.id), index, choice))
    })
}

/// A number from the environment, for a longer hunt.
fn wanted(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What a test has done, for those who ask with `--nocapture`.
#[derive(Default)]
struct Scale {
    runs: u64,
    cases: u64,
    requests: u64,
    seconds: f64,
}

impl Scale {
    fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.cases += outcome.cases;
        self.requests += outcome.requests;
        self.seconds += outcome.seconds;
    }

    fn tell(&self, what: &str, id: &str) {
        let Self { runs, cases, requests, seconds } = self;
        println!("{what} of {id}: {runs} runs, {cases} cases, {requests} requests, {seconds:.1} s");
    }
}

fn named(name: &str, found: Vec<String>) -> Option<String> {
    (!found.is_empty()).then(|| format!("{name}:\n{}", found.join("\n")))
}

/// How many requirements were exercised.
fn exercised(outcome: &Outcome) -> usize {
    let results = outcome.operations.iter().flat_map(|result| &result.requirements);
    results.filter(|result| result.exercised > 0).count()
}

/// Rows of choices in which each choice of each question meets each choice of every other.
fn covering(sizes: &[usize]) -> Vec<Vec<usize>> {
    type Chosen = (usize, usize);
    let mut open: BTreeSet<(Chosen, Chosen)> = BTreeSet::new();
    for (one, n_one) in sizes.iter().enumerate() {
        for (other, n_other) in sizes.iter().enumerate().skip(one + 1) {
            open.extend((0..n_one * n_other).map(|pair| ((one, pair / n_other), (other, pair % n_other))));
        }
    }
    let mut rows = Vec::new();
    while let Some((one, other)) = open.first().copied() {
        let mut row: BTreeMap<usize, usize> = BTreeMap::from([one, other]);
        for (question, size) in sizes.iter().enumerate() {
            let new = |choice: usize, row: &BTreeMap<usize, usize>| {
                let mine = (question, choice);
                let pairs = row.iter().map(|(question, choice)| (*question, *choice));
                pairs.filter(|theirs| open.contains(&(mine.min(*theirs), mine.max(*theirs)))).count()
            };
            let best = (0..*size).max_by_key(|choice| (new(*choice, &row), std::cmp::Reverse(*choice)));
            row.entry(question).or_insert(best.unwrap_or(0));
        }
        open.retain(|((one, mine), (other, theirs))| row[one] != *mine || row[other] != *theirs);
        rows.push(row.into_values().collect());
    }
    rows
}

#[test]
fn a_covering_covers() {
    let sizes = [2, 3, 2, 4, 2];
    let rows = covering(&sizes);
    for (one, other) in (0..sizes.len()).flat_map(|one| (0..one).map(move |other| (one, other))) {
        let met: BTreeSet<_> = rows.iter().map(|row| (row[one], row[other])).collect();
        assert_eq!(met.len(), sizes[one] * sizes[other]);
    }
    assert!(rows.len() < 20, "{} rows", rows.len());
}

/// The mock behind a bad line: of a hundred answers five are lost, five are refusals of too many calls, five come late.
struct Disturbed {
    inner: InProcess,
    seed: u64,
    sent: AtomicU64,
}

impl Disturbed {
    /// Chance, the same for the same seed.
    fn roll(&self) -> u64 {
        let mut mixed = (self.seed << 32) + self.sent.fetch_add(1, Ordering::Relaxed);
        mixed = (mixed.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % 200
    }
}

impl Endpoint for Disturbed {
    fn send<'a>(&'a self, call: &'a Call) -> Sent<'a, Reply> {
        let lost = || {
            let text = "nothing came".into();
            Box::pin(std::future::ready(Reply::Trouble(Trouble {
                kind: TroubleKind::Timeout,
                text,
                may_have_happened: true,
            })))
        };
        match self.roll() {
            0..5 => lost(),
            5..10 => {
                self.inner.answer(call);
                lost()
            }
            10..20 => Box::pin(std::future::ready(throttled(&SET, call.operation))),
            20..30 => Box::pin(async {
                self.inner.wait(10 * SETTLE_MS).await;
                self.inner.send(call).await
            }),
            // The answer is late, not the work.
            30..35 => {
                let reply = self.inner.answer(call);
                Box::pin(async {
                    self.inner.wait(10 * SETTLE_MS).await;
                    reply
                })
            }
            _ => self.inner.send(call),
        }
    }

    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }

    fn wait<'a>(&'a self, ms: u64) -> Sent<'a, ()> {
        self.inner.wait(ms)
    }

    fn name(&self) -> String {
        "disturbed".into()
    }
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
                result.again.is_stable(),
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
