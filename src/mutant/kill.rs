//! The hunt: an ordinary campaign on each mutant, until the first finding.
//!
//! Mutants know nothing of each other, so workers take them one by one; each has a mock and a virtual clock of its own,
//! and what becomes of it depends on the seed only.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use tokio::runtime::{Builder, Runtime};

use super::{
    Mutant,
    explore::{BOUND, Exploration, explore, first_finding, first_race, shortest},
};
use crate::{
    campaign::{self, Settings, outcome::FindingResult, settings::CASES_EACH},
    endpoint::{Endpoint, direct::Direct, in_process::InProcess},
    execute::{Givens, Surroundings, run_name},
    generate::{Generator, Options, dice::Dice},
    mock::{Front, Mock, Policy, fault::Planted},
    oracle::{Nature, finding::ReqRef},
    sequence::{Purpose, Script},
    spec::{SpecSet, service::OpRef},
    value::given_place,
};

/// How long asynchronous work takes in the mock, in virtual milliseconds.
const SETTLE_MS: u64 = 20;
/// How long a repeated read waits, in virtual milliseconds.
const PATIENCE_MS: u64 = 2_400;
/// Times that each race is run where nothing was found.
const RACE_TIMES: usize = 8;
/// How long it is watched whether something happens that should not.
const LINGER_MS: u64 = 110;

/// How to hunt.
#[derive(Clone)]
pub struct Hunt {
    /// Each is a campaign of its own.
    pub seeds: Vec<String>,
    /// Cases of one campaign; as many as a run has when there are none.
    pub cases: Option<u64>,
    /// Start no case after this many requests on one mutant.
    pub max_requests: Option<u64>,
    /// Mutants that are hunted at the same time.
    pub workers: usize,
    /// Look whether there is anything to find where nothing was found; without it, that counts as too weak.
    pub prove: bool,
    /// Hunt with nothing but the requirement that a mutant breaks, as whoever asks for a single requirement does.
    pub aimed: bool,
    /// Also look for the shortest sequence that shows what was found.
    pub shortest: bool,
    /// Set from outside to finish early.
    pub interrupted: Arc<AtomicBool>,
}

/// What became of all mutants.
#[derive(Debug, Clone)]
pub struct KillTable {
    pub seeds: Vec<String>,
    /// Each was hunted with nothing but the requirement that it breaks.
    pub aimed: bool,
    pub results: Vec<MutantResult>,
    pub seconds: f64,
    pub interrupted: bool,
}

/// What became of one mutant.
#[derive(Debug, Clone)]
pub struct MutantResult {
    pub mutant: Mutant,
    /// One for each seed.
    pub trials: Vec<Trial>,
}

/// One campaign on one mutant.
#[derive(Debug, Clone)]
pub struct Trial {
    pub fate: Fate,
    /// Exchanges in which the bug made a difference.
    pub struck: u64,
    /// Requests of its cases, without shrinking.
    pub requests: u64,
}

#[derive(Debug, Clone)]
pub enum Fate {
    Killed(Box<Kill>),
    /// Nothing was found, though there is something to find.
    Survived {
        /// What the exploration found; none when it was cut short.
        missed: Option<String>,
    },
    /// The bug never made a difference, though it can make one that is found.
    NotStruck {
        missed: Option<String>,
    },
    /// Nothing is there to be found, as far as the exploration went.
    Allowed(Proof),
}

/// How far it was looked for something to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    pub scripts: usize,
    /// Those in which the bug made a difference.
    pub struck: usize,
    pub states: usize,
    /// Longest way to a call, in commands.
    pub depth: usize,
}

/// How a mutant was found.
#[derive(Debug, Clone)]
pub struct Kill {
    /// The requirement that was blamed.
    pub by: ReqRef,
    pub nature: Nature,
    pub key: String,
    pub summary: String,
    /// It makes the verdict of a run.
    pub counts: bool,
    pub requests_to_failure: u64,
    pub stable: bool,
    /// Nothing for what only several cases show together: that is not shrunk.
    pub shrunk: Option<Shrunk>,
    /// Commands of the shortest sequence that shows it, where that was asked for and found.
    pub shortest_commands: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrunk {
    pub commands: usize,
    /// Lanes, and commands in the longest; none where nothing has to overlap.
    pub lanes: usize,
    pub longest_lane: usize,
    pub requests: u64,
}

/// What a hunt tells while it goes.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    pub done: usize,
    pub of: usize,
    pub result: &'a MutantResult,
}

/// A mock with a bug, ready to be called.
pub struct Bench {
    pub endpoint: Arc<dyn Endpoint>,
    pub planted: Planted,
}

impl Fate {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Killed(_) => "killed",
            Self::Survived { .. } => "survived",
            Self::NotStruck { .. } => "not-struck",
            Self::Allowed(_) => "allowed",
        }
    }

    /// Bad news first.
    fn rank(&self) -> u8 {
        match self {
            Self::Survived { .. } => 0,
            Self::NotStruck { .. } => 1,
            Self::Allowed(_) => 2,
            Self::Killed(_) => 3,
        }
    }
}

impl MutantResult {
    /// The worst of its trials; none when it was not tried.
    pub fn worst(&self) -> Option<&Trial> {
        self.trials.iter().min_by_key(|trial| trial.fate.rank())
    }

    /// Exchanges in which the bug made a difference, in all trials.
    pub fn struck(&self) -> u64 {
        self.trials.iter().map(|trial| trial.struck).sum()
    }

    /// What any seed finds is there to be found: where others found nothing, that was no proof that there is nothing.
    fn refuted(mut self) -> Self {
        let Some(missed) = self.kills().next().map(|kill| kill.summary.clone()) else { return self };
        for trial in &mut self.trials {
            if let Fate::Allowed(_) = trial.fate {
                let missed = Some(missed.clone());
                trial.fate = if trial.struck > 0 { Fate::Survived { missed } } else { Fate::NotStruck { missed } };
            }
        }
        self
    }

    pub fn kills(&self) -> impl Iterator<Item = &Kill> {
        self.trials.iter().filter_map(|trial| match &trial.fate {
            Fate::Killed(kill) => Some(&**kill),
            _ => None,
        })
    }
}

/// Hunts all these mutants; results are in their order.
pub fn hunt(
    set: &Arc<SpecSet>,
    mutants: &[Mutant],
    hunt: &Hunt,
    tell: &(dyn Fn(Event<'_>) + Sync),
) -> std::io::Result<KillTable> {
    let began = std::time::Instant::now();
    let grounds: BTreeMap<OpRef, Ground<'_>> =
        mutants.iter().map(|mutant| (mutant.at, Ground::new(set, mutant.at))).collect();
    let results: Vec<OnceLock<MutantResult>> = mutants.iter().map(|_| OnceLock::new()).collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failure: Mutex<Option<std::io::Error>> = Mutex::default();
    let work = || -> std::io::Result<()> {
        let runtime = Builder::new_current_thread().build()?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(index).filter(|_| !hunt.interrupted.load(Ordering::Relaxed)) else {
                return Ok(());
            };
            let Some(ground) = grounds.get(&mutant.at) else { continue };
            let trials = hunt.seeds.iter().map(|seed| ground.trial(&runtime, mutant, seed, hunt)).collect();
            let result = MutantResult { mutant: mutant.clone(), trials }.refuted();
            let done = 1 + done.fetch_add(1, Ordering::Relaxed);
            tell(Event { done, of: mutants.len(), result: &result });
            // Each index is taken once.
            let _ = results[index].set(result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..hunt.workers.max(1) {
            scope.spawn(|| {
                if let Err(error) = work() {
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    Ok(KillTable {
        seeds: hunt.seeds.clone(),
        aimed: hunt.aimed,
        results: results.into_iter().filter_map(OnceLock::into_inner).collect(),
        seconds: began.elapsed().as_secs_f64(),
        interrupted: hunt.interrupted.load(Ordering::Relaxed),
    })
}

/// A seed, and the requirements that are asked for; all when empty.
type Aim = (String, Vec<ReqRef>);

/// What all mutants of one operation share. Plans and explorations are made when first needed.
struct Ground<'a> {
    set: &'a Arc<SpecSet>,
    at: OpRef,
    around: Surroundings,
    options: Options,
    generator: OnceLock<Generator<'a>>,
    by_seed: Mutex<BTreeMap<Aim, Arc<Generator<'a>>>>,
    exploration: OnceLock<Exploration>,
}

impl<'a> Ground<'a> {
    fn new(set: &'a Arc<SpecSet>, at: OpRef) -> Self {
        let probes = set.service(at).givens.iter().filter(|given| given.probe);
        let probes = probes.map(|given| given_place(&given.name)).collect();
        Self {
            set,
            at,
            around: Surroundings {
                givens: Givens::defaults(set),
                run: "mutants".into(),
                patience_ms: PATIENCE_MS,
                linger_ms: LINGER_MS,
                clean: true,
                pace: Default::default(),
            },
            options: Options { probes, careful: false, restricted: vec![at.service], ..Options::default() },
            generator: OnceLock::new(),
            by_seed: Mutex::default(),
            exploration: OnceLock::new(),
        }
    }

    fn generator(&self) -> &Generator<'a> {
        self.generator.get_or_init(|| Generator::new(self.set, &[self.at], "mutants", self.options.clone()))
    }

    /// The cases of one seed, which all mutants meet that are hunted with the same requirements: made once, because tours take
    /// time.
    fn cases_of(&self, seed: &str, only: Vec<ReqRef>) -> Arc<Generator<'a>> {
        let mut known = self.by_seed.lock().unwrap_or_else(PoisonError::into_inner);
        let options = Options { only: only.clone(), ..self.options.clone() };
        let fresh = || Arc::new(self.generator().again(seed, options));
        known.entry((seed.to_owned(), only)).or_insert_with(fresh).clone()
    }

    fn exploration(&self) -> &Exploration {
        self.exploration.get_or_init(|| {
            let generator = self.generator();
            // What cases do before their first call is a way to a state that matters.
            let cases = (0..generator.aims().len() as u64 * CASES_EACH).filter_map(|number| generator.case(number));
            let setups = cases.map(|mut script| {
                let call = script.commands.iter().position(|command| command.purpose == Purpose::Call);
                script.commands.truncate(call.unwrap_or(0));
                script.commands
            });
            explore(self.set, self.at, BOUND, &setups.collect::<Vec<_>>())
        })
    }

    /// A fresh mock that serves the operation's edition, with the bug.
    fn bench(&self, mutant: &Mutant, planted: Planted) -> Bench {
        let operation = self.set.operation(self.at);
        let mut policy = Policy::new(self.set, SETTLE_MS);
        if operation.edition.is_some() {
            // It is one of the set's own.
            let _ = policy.edition(self.set, &operation.id);
        }
        let mock = Mock::new(self.set.clone(), policy).with(planted.clone());
        let endpoint: Arc<dyn Endpoint> = if mutant.is_on_the_wire() {
            Arc::new(Direct::new(self.set.clone(), Front::new(mock, Vec::new())))
        } else {
            Arc::new(InProcess::new(mock))
        };
        Bench { endpoint, planted }
    }

    fn trial(&self, runtime: &Runtime, mutant: &Mutant, seed: &str, hunt: &Hunt) -> Trial {
        let only = if hunt.aimed { vec![(self.at, mutant.breaks)] } else { Vec::new() };
        let generator = self.cases_of(seed, only);
        let nursery = mutant.nursery(self.set);
        // What one trial learns of the pace must not depend on which others came before it. Each seed has calls overlap in
        // ways of its own.
        let name = run_name(Dice::new(seed, u64::MAX).number());
        let run = |stop_at_first: bool| {
            let around = Surroundings { run: name.clone(), pace: Default::default(), ..self.around.clone() };
            let settings = Settings {
                cases: hunt.cases,
                max_requests: hunt.max_requests,
                stop_at_first,
                options: generator.options().clone(),
                interrupted: hunt.interrupted.clone(),
                ..Settings::new(seed, self.at, around)
            };
            let bench = self.bench(mutant, nursery());
            let endpoints = [bench.endpoint.clone()];
            let outcome = campaign::run_planned(self.set, &settings, &generator, &endpoints, &|_| {});
            (runtime.block_on(outcome), bench)
        };
        let (mut outcome, mut bench) = run(true);
        // What seemed to be the first failure may have turned out to be none: what comes after it counts as well.
        if outcome.findings.is_empty() && outcome.stopped.is_some() {
            (outcome, bench) = run(false);
        }
        // Of several findings in one case, the first to show itself counts.
        let first = outcome.findings.iter().min_by_key(|result| (!result.counts, result.requests_to_failure));
        let fate = match first {
            Some(result) => Fate::Killed(Box::new(self.kill(runtime, mutant, result, hunt))),
            None => self.survivor(runtime, mutant, hunt, bench.planted.struck() > 0),
        };
        Trial { fate, struck: bench.planted.struck(), requests: outcome.requests }
    }

    fn kill(&self, runtime: &Runtime, mutant: &Mutant, result: &FindingResult, hunt: &Hunt) -> Kill {
        let finding = &result.finding;
        let is_shrunk = result.shrink_requests > 0;
        let (commands, lanes) = (result.script.commands.len(), result.script.lanes());
        let shortest_commands = (hunt.shortest && is_shrunk).then(|| {
            let nursery = mutant.nursery(self.set);
            let bench = || self.bench(mutant, nursery());
            runtime.block_on(shortest(self.set, self.exploration(), &self.watchful(), bench, &finding.key, commands))
        });
        Kill {
            by: finding.requirement,
            nature: finding.nature,
            key: finding.key.clone(),
            summary: finding.summary.clone(),
            counts: result.counts,
            requests_to_failure: result.requests_to_failure,
            stable: result.again.is_stable(),
            shrunk: is_shrunk.then_some(Shrunk {
                commands,
                lanes: lanes.len(),
                longest_lane: lanes.iter().map(Vec::len).max().unwrap_or(0),
                requests: result.shrink_requests,
            }),
            shortest_commands: shortest_commands.flatten(),
        }
    }

    /// Nothing was found: is there anything to find?
    fn survivor(&self, runtime: &Runtime, mutant: &Mutant, hunt: &Hunt, has_struck: bool) -> Fate {
        let missed = |missed: Option<String>| match has_struck {
            true => Fate::Survived { missed },
            false => Fate::NotStruck { missed },
        };
        if !hunt.prove || hunt.interrupted.load(Ordering::Relaxed) {
            return missed(None);
        }
        if mutant.is_of_overlap() {
            return self.overlap_survivor(runtime, mutant, has_struck);
        }
        let exploration = self.exploration();
        let nursery = mutant.nursery(self.set);
        let bench = || self.bench(mutant, nursery());
        let (finding, struck) = runtime.block_on(first_finding(self.set, exploration, &self.watchful(), bench));
        match finding {
            Some(shown) => missed(Some(shown)),
            // Where the exploration never saw what the campaign struck, it proves nothing.
            None if has_struck && struck == 0 => missed(None),
            None => Fate::Allowed(Proof {
                scripts: exploration.visits.len(),
                struck,
                states: exploration.n_states,
                depth: exploration.depth,
            }),
        }
    }

    /// The same of a bug that takes overlapping calls.
    fn overlap_survivor(&self, runtime: &Runtime, mutant: &Mutant, has_struck: bool) -> Fate {
        let races: Vec<Script> = self.generator().planned_races().collect();
        let nursery = mutant.nursery(self.set);
        let bench = || self.bench(mutant, nursery());
        let (finding, struck) = runtime.block_on(first_race(self.set, &races, RACE_TIMES, &self.watchful(), bench));
        match finding {
            None if struck > 0 || !has_struck => Fate::Allowed(Proof {
                scripts: races.len() * RACE_TIMES,
                struck,
                states: races.len(),
                depth: races.iter().map(|script| script.race().start).max().unwrap_or(0),
            }),
            missed if has_struck => Fate::Survived { missed },
            missed => Fate::NotStruck { missed },
        }
    }

    /// The same with less to clean up and to wait for: each sequence has a mock of its own.
    fn watchful(&self) -> Surroundings {
        Surroundings { clean: false, linger_ms: 2 * SETTLE_MS, pace: Default::default(), ..self.around.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fate, Kill, MutantResult, Proof, Trial};
    use crate::{mutant, oracle::Nature, spec::embedded};

    #[test]
    fn a_kill_refutes_the_proofs_of_other_seeds() {
        let set = embedded().expect("the embedded specs are sound");
        let mutant = mutant::derive(&set).remove(0);
        let killed = Fate::Killed(Box::new(Kill {
            by: (mutant.at, 0),
            nature: Nature::Violation,
            key: String::new(),
            summary: "what was found".into(),
            counts: true,
            requests_to_failure: 1,
            stable: true,
            shrunk: None,
            shortest_commands: None,
        }));
        let allowed = || Fate::Allowed(Proof { scripts: 1, struck: 0, states: 1, depth: 1 });
        let check = |trials: Vec<(Fate, u64)>, expected: &[&str]| {
            let trials = trials.into_iter().map(|(fate, struck)| Trial { fate, struck, requests: 1 }).collect();
            let result = MutantResult { mutant: mutant.clone(), trials }.refuted();
            let fates: Vec<_> = result.trials.iter().map(|trial| trial.fate.name()).collect();
            assert_eq!(fates, expected);
        };
        check(vec![(allowed(), 0), (killed.clone(), 4), (allowed(), 2)], &["not-struck", "killed", "survived"]);
        check(vec![(allowed(), 0), (allowed(), 2)], &["allowed", "allowed"]);
    }
}
