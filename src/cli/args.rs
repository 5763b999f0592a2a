//! What the user typed. Nothing is resolved here.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::duration;
use crate::{
    campaign::Shard,
    mock::{
        Manners,
        manners::{Share, WHOLE},
    },
    report::{REPORTERS, Reporter},
};

const EXIT_CODES: &str = "Exit codes: 0 conforms, 1 violations, 2 usage, 3 bad spec or profile, 4 nothing selected or nothing exercised, \
5 environment (unreachable, credentials refused, no ledger), 6 inconclusive, 7 something is left behind, 130 interrupted.";

const CLEANUP_EXIT_CODES: &str = "Exit codes: 0 nothing is left, 2 usage (also a file that is no ledger), 3 bad spec or profile, 5 environment \
(unreachable, credentials refused), 7 something is left behind, or could not be looked at.";
const REPLAY_EXIT_CODES: &str = "Exit codes: 0 it did not show itself, 1 it did, or another failure did, 2 usage (also a file that \
is no counterexample), 3 bad spec or profile, 5 environment (unreachable, credentials refused), 6 it could not be judged.";
const SDK_EXIT_CODES: &str = "Exit codes: 0 nothing but known deviations, 1 findings, or known deviations that no longer occur, \
2 usage, 3 bad spec, 4 nothing selected, 5 environment (not installed, no adapter), 6 inconclusive, 130 interrupted.";
const MUTANTS_EXIT_CODES: &str =
    "Exit codes: 0 none survived, 1 some did, 2 usage, 3 bad spec, 4 nothing selected, 130 interrupted.";

/// Does a cloud API behave as its document is written?
///
/// aswritten generates sequences of calls from what the documents promise, sends them to an endpoint, and judges every
/// answer by a model of the documents. What breaks a promise is shrunk to the shortest sequence that shows it.
#[derive(Debug, Parser)]
#[command(name = "aswritten", version, after_help = EXIT_CODES, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
pub struct Global {
    /// Load the specs from this folder instead of those that are built in.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Common options")]
    pub specs: Option<PathBuf>,
    /// Use colours: when the output is a terminal, always, or never.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Common options")]
    pub color: Color,
    /// No progress, and no list of operations: findings and the verdict only.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Common options")]
    pub quiet: bool,
    /// Say more: which credentials are used, why each requirement was not exercised, reworded messages.
    #[arg(short, long, global = true, help_heading = "Common options")]
    pub verbose: bool,
}

/// What the help says of each is what its arguments say.
#[derive(Debug, Subcommand)]
pub enum Command {
    Run(Run),
    Serve(Serve),
    /// Plant bugs in the mock, one at a time, and see whether the suite finds them.
    ///
    /// Each mutant is the mock with one bug, derived from the specs by an operator such as `drop-condition`, and names the
    /// requirement that it breaks. It is hunted in process, in virtual time, until the first finding. Then it is
    ///
    /// killed: the suite found something;
    ///
    /// survived: it did something else than documented, sequences of calls show it, and the suite did not find one;
    ///
    /// not struck: the same, but it never came to do something else;
    ///
    /// allowed: no sequence within a bound shows it; what it does is among the things that the documents leave open, or
    /// cannot come about.
    Mutants(Mutants),
    Sdk(Sdk),
    Replay(Replay),
    Cleanup(Cleanup),
    /// Look at profiles: what they lack, or one to begin with.
    #[command(subcommand)]
    Profile(Profile),
    Judge(Judge),
    Merge(Merge),
    /// List, show or check what the documents promise.
    #[command(subcommand)]
    Spec(Spec),
}

/// Run the suite.
///
/// Without a selector, every documented operation is judged, in every edition. On a URL, editions such as
/// `ecs/DeleteImage@legacy` are judged side by side by what the endpoint answers; name the operation to judge it by one.
///
/// Name a requirement to have every way tried in which it can be broken, and nothing else.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Run {
    /// A service (`ecs`), an operation (`ecs/DeleteImage`), an edition (`ecs/DeleteImage@legacy`) or a requirement
    /// (`ecs/DeleteImage/error/ImageUseShared`); `*` stands for any text.
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    /// Number of cases; those that trouble disturbed and that are run again come on top [default: 8 for each requirement].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Amount")]
    pub cases: Option<u64>,
    /// Root of all randomness; the same seed makes the same cases [default: random, and printed].
    #[arg(long, value_name = "S", value_parser = clap::builder::NonEmptyStringValueParser::new(), help_heading = "Amount")]
    pub seed: Option<String>,
    /// Cases that run at the same time [default: 8, on the mock 32, in-process 1; at most one for each 100 of `--max-requests`].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Amount")]
    pub workers: Option<u16>,
    /// Start no case that this many requests are not enough for; of the first ones, which show much, as much as they are enough
    /// for.
    #[arg(long, value_name = "N", help_heading = "Amount")]
    pub max_requests: Option<u64>,
    /// Start no case after this time.
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, help_heading = "Amount")]
    pub max_time: Option<Duration>,
    /// Requests that shrinking one failure may cost, besides running the result again; four times as many where calls overlap,
    /// or two cases are compared. Another failure that comes to light on the way has as many.
    #[arg(long, value_name = "N", default_value_t = crate::campaign::settings::SHRINK_REQUESTS, help_heading = "Amount")]
    pub shrink_requests: u64,
    /// Run one part of the cases: `2/4` is the second of four. `aswritten merge` puts the events of all parts together.
    #[arg(long, value_name = "K/N", default_value = "1/1", hide_default_value = true, help_heading = "Amount")]
    pub shard: Shard,
    #[command(flatten)]
    pub report: RunReportArgs,
    /// Write everything that is sent and seen, while it happens, as JSON Lines.
    #[arg(long, value_name = "PATH", help_heading = "Reports")]
    pub events: Option<PathBuf>,
    /// Print what would be sent, in order, and what it creates; call nobody.
    #[arg(long)]
    pub dry_plan: bool,
}

/// What is told of a run, and where.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub struct RunReportArgs {
    /// Also write a report: `json=out.json`; as human, json, junit, markdown or github. May be repeated; `-` is the standard
    /// output.
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = run_report)]
    pub reports: Vec<(&'static Reporter, PathBuf)>,
    /// What is printed: human, json, junit, markdown or github.
    #[arg(long, default_value = "human", value_name = "FORMAT", value_parser = reporter)]
    pub format: &'static Reporter,
    /// Say what changed since an earlier run, by its events or its report as JSON.
    #[arg(long, value_name = "PATH")]
    pub baseline: Option<PathBuf>,
    /// Folder for counterexamples; written only when there are findings.
    #[arg(long, value_name = "DIR", default_value = ".aswritten")]
    pub counterexamples: PathBuf,
}

/// Judge recorded runs again, by today's specs, and send nothing.
///
/// What was recorded and today's specs do not know any more is said, and not judged.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Judge {
    /// Files that `aswritten run --events` wrote; several are shards of one run.
    #[arg(value_name = "EVENTS", required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub report: RunReportArgs,
}

/// Put the shards of a run together, into one report of all their cases.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Merge {
    /// Files that `aswritten run --shard K/N --events` wrote, one for each shard.
    #[arg(value_name = "EVENTS", required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub report: RunReportArgs,
}

/// What is told, and where.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reports")]
pub struct ReportArgs {
    /// Also write a report to a file: `json=out.json`, `human=out.txt`. May be repeated.
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = report)]
    pub reports: Vec<(Format, PathBuf)>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub format: Format,
}

/// Where calls go, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Endpoint")]
pub struct EndpointArgs {
    /// `mock` (a mock server of its own), `in-process` (the mock as a function, in virtual time), a URL for all services, or
    /// `SERVICE=URL` for one of them. May be repeated for several services [default: mock, or as the profile says].
    #[arg(long = "endpoint", value_name = "ENDPOINT")]
    pub endpoints: Vec<String>,
    /// Work as a profile of `aswritten.toml` says; the file is looked for here and in the folders above.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Take profiles from this file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Agree to what costs money, such as starting instances. Not needed on an address of this machine.
    #[arg(long)]
    pub paid: bool,
    /// Folder for ledgers: what a run creates at a URL is noted there first, for `aswritten cleanup`.
    #[arg(long, value_name = "DIR", default_value = ".aswritten/ledger")]
    pub ledger: PathBuf,
    /// Answer an open question in the mock: `missing-image=refused`, `ecs/DeleteImage/open/missing-image=ignored`. May be
    /// repeated.
    #[arg(long = "answer", value_name = "ID=CHOICE")]
    pub answers: Vec<String>,
    /// How long asynchronous work takes in the mock.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "50ms")]
    pub settle: Duration,
    /// What the endpoint already has: `region=cn-hangzhou`, `ecs.snapshot=s-…`. May be repeated; `aswritten spec show SERVICE`
    /// lists the names.
    #[arg(long = "given", value_name = "[SERVICE.]NAME=VALUE")]
    pub givens: Vec<String>,
    /// How long a repeated read waits for asynchronous work [default: 2s + 20 × settle on the mock, 10s on a loopback URL, else
    /// as the service's spec says].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub patience: Option<Duration>,
    /// By how much reads may lag behind what is true [default: as `aswritten serve` says of itself, else not at all].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub lag: Option<Duration>,
    /// How long one HTTP request may take [default: 10s].
    #[arg(long, value_name = "DURATION", value_parser = duration::positive)]
    pub timeout: Option<Duration>,
    /// Signing scheme, for services that speak its protocol [default: the first that the spec of the service lists].
    #[arg(long, value_name = "SCHEME")]
    pub signing: Option<String>,
    /// Where parameters travel [default: post-json where the scheme has it, else post-query].
    #[arg(long, value_enum, value_name = "PLACE")]
    pub placement: Option<Place>,
    /// Ask for answers in XML, where the service has that.
    #[arg(long)]
    pub xml: bool,
}

/// Serve the mock on its own.
///
/// It checks signatures, keeps state, and answers as the documents promise. Ctrl-C stops it.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// How long asynchronous work takes [default: 50ms; 300ms with --realistic].
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub settle: Option<Duration>,
    /// Answer an open question: `missing-image=refused`. May be repeated.
    #[arg(long = "answer", value_name = "ID=CHOICE")]
    pub answers: Vec<String>,
    /// Serve an operation in an older edition: `ecs/DeleteImage@legacy`. May be repeated.
    #[arg(long = "edition", value_name = "ID")]
    pub editions: Vec<String>,
    /// Know another key pair, beside the well-known ones; with a session token, where it is a temporary one. May be repeated.
    #[arg(long = "credentials", value_name = "ID:SECRET[:TOKEN]")]
    pub credentials: Vec<String>,
    /// Accept anything, signed or not.
    #[arg(long)]
    pub unsigned: bool,
    /// Plant a bug: `ecs/DeleteImage/drop-condition/ImageUseShared`; `aswritten mutants --list` shows the ids.
    #[arg(long, value_name = "ID")]
    pub mutant: Option<String>,
    #[command(flatten)]
    pub manners: MannersArgs,
}

/// How the mock behaves beside what the documents say; nothing of it breaks a promise.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A cloud to practise on")]
pub struct MannersArgs {
    /// All of these at once, as on a bad night; those that are given count as given.
    #[arg(long)]
    pub realistic: bool,
    /// Root of all chances.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Asynchronous work takes up to this much longer than `--settle`.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub slow: Option<Duration>,
    /// Reads show what was true up to this long ago.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub lag: Option<Duration>,
    /// Answers take up to this long.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub latency: Option<Duration>,
    /// Refuse more calls than the documents allow, times this: `--throttle`, `--throttle 60`.
    #[arg(long, value_name = "TIMES", num_args = 0..=1, default_missing_value = "1", value_parser = times)]
    pub throttle: Option<f64>,
    /// Of a hundred answers, so many are lost: the connection is reset when all is done.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub lost: Option<Share>,
    /// Of a hundred requests that create nothing, so many arrive twice; the first answer counts.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub repeated: Option<Share>,
    /// Of a hundred requests, so many end with a reset connection before anything is done.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub resets: Option<Share>,
    /// Once in ten seconds, everything fails for this long.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub bursts: Option<Duration>,
    /// Most resources of a kind that callers may create in a region.
    #[arg(long, value_name = "N")]
    pub quota: Option<usize>,
    /// Resources of each kind that are there already, and are someone else's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000))]
    pub others: Option<u32>,
    /// Know a second account, and a key that may only read.
    #[arg(long)]
    pub accounts: bool,
    /// Have another region, beside those of the specs. May be repeated.
    #[arg(long = "region", value_name = "NAME")]
    pub regions: Vec<String>,
    /// Have a given thing by another name: `ecs.snapshot=s-…`. May be repeated.
    #[arg(long = "given", value_name = "[SERVICE.]NAME=VALUE")]
    pub givens: Vec<String>,
}

impl Serve {
    /// How long asynchronous work takes at least. It outlasts what reads lag.
    pub fn settle_ms(&self) -> u64 {
        self.settle.map_or(if self.manners.realistic { 300 } else { 50 }, duration::ms)
    }
}

impl MannersArgs {
    /// The manners that are meant.
    pub fn manners(&self) -> Manners {
        let base = if self.realistic { Manners::realistic(self.seed) } else { Manners::default() };
        let ms = |given: Option<Duration>, usual: u64| given.map_or(usual, duration::ms);
        Manners {
            seed: self.seed,
            slow_ms: ms(self.slow, base.slow_ms),
            lag_ms: ms(self.lag, base.lag_ms),
            latency_ms: ms(self.latency, base.latency_ms),
            throttle: self.throttle.or(base.throttle),
            lost: self.lost.unwrap_or(base.lost),
            repeated: self.repeated.unwrap_or(base.repeated),
            resets: self.resets.unwrap_or(base.resets),
            bursts_ms: ms(self.bursts, base.bursts_ms),
            quota: self.quota.or(base.quota),
            others: self.others.map_or(base.others, |others| others as usize),
            accounts: self.accounts || base.accounts,
        }
    }
}

/// What `aswritten mutants` was asked.
#[derive(Debug, Args)]
#[command(after_help = MUTANTS_EXIT_CODES)]
pub struct Mutants {
    /// A service (`ecs`), an operation (`ecs/DeleteImage`), a mutant (`ecs/DeleteImage/drop-condition/ImageUseShared`) or
    /// a requirement, for all that break it; `*` stands for any text [default: all].
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,
    /// Only mutants of this operator. May be repeated.
    #[arg(long = "operator", value_name = "NAME")]
    pub operators: Vec<String>,
    /// Do not hunt: print ids, what each breaks, and what it does.
    #[arg(long)]
    pub list: bool,
    /// Number of cases for each mutant [default: 8 for each requirement].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Amount")]
    pub cases: Option<u64>,
    /// Hunt with this seed; the same seed makes the same cases. May be repeated.
    #[arg(long, value_name = "S", conflicts_with = "seeds", help_heading = "Amount")]
    pub seed: Vec<String>,
    /// Hunt with the seeds 1 to N, each mutant with each.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Amount")]
    pub seeds: u16,
    /// Start no case on a mutant after this many requests.
    #[arg(long, value_name = "N", help_heading = "Amount")]
    pub max_requests: Option<u64>,
    /// Mutants that are hunted at the same time [default: one for each processor].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Amount")]
    pub workers: Option<u16>,
    /// Hunt each with nothing but the requirement that it breaks, as `aswritten run REQUIREMENT` does: whether a requirement
    /// that is tried alone is tried well, and what that costs.
    #[arg(long, help_heading = "Amount")]
    pub aimed: bool,
    /// Also search for the shortest sequence that shows what was found, to hold shrinking against it. Takes long.
    #[arg(long, help_heading = "Amount")]
    pub shortest: bool,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Validate vendors' SDKs.
///
/// Generated sequences go through each SDK to the mock; what reaches the wire is held against what the caller asked, and what
/// the caller is told against what was answered, whatever happens to the answer on its way.
#[derive(Debug, Args)]
#[command(after_help = SDK_EXIT_CODES, args_conflicts_with_subcommands = true)]
pub struct Sdk {
    #[command(subcommand)]
    pub command: Option<SdkCommand>,
    /// An adapter, or one service of it, as `ADAPTER/SERVICE`; `*` stands for any text [default: all].
    #[arg(value_name = "ADAPTER")]
    pub adapters: Vec<String>,
    /// Folder in which the SDKs are installed.
    #[arg(long, value_name = "DIR", env = "ASWRITTEN_SDKS", default_value = ".aswritten/sdks")]
    pub sdks: PathBuf,
    /// Install the packages that the adapters need into this folder, and nowhere else, and do nothing more.
    #[arg(long, value_name = "DIR", conflicts_with = "own")]
    pub install: Option<PathBuf>,
    /// Do not run: list adapters, their packages, and whether they are installed.
    #[arg(long)]
    pub list: bool,
    /// Run an adapter of your own: its name, and its command in words. May be repeated.
    #[arg(long = "adapter", value_name = "NAME=COMMAND")]
    pub own: Vec<String>,
    /// Deviations that are known: a file, or `none` [default: those that this version ships with].
    #[arg(long, value_name = "FILE")]
    pub deviations: Option<PathBuf>,
    /// Number of cases for each SDK [default: one for each thing that can be tried].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Amount")]
    pub cases: Option<u64>,
    /// Root of all randomness; the same seed makes the same cases [default: random, and printed].
    #[arg(long, value_name = "S", help_heading = "Amount")]
    pub seed: Option<String>,
    /// SDKs that are run at the same time [default: two for each processor: much of it is waiting].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "Amount")]
    pub workers: Option<u16>,
    #[command(flatten)]
    pub report: ReportArgs,
}

#[derive(Debug, Subcommand)]
pub enum SdkCommand {
    /// Say what an adapter gets wrong.
    ///
    /// The protocol is one JSON object per line each way; the documentation of the module `aswritten::sdk::protocol` has it.
    CheckAdapter {
        /// The adapter's command.
        #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

/// Run one counterexample again, on any endpoint.
///
/// Each time it works on fresh resources, which are removed afterwards. What shows itself is told as `aswritten run` tells it.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_EXIT_CODES)]
pub struct Replay {
    /// A file that `aswritten run` wrote.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    /// Times that it is run [default: 3; 20 where calls overlap, which may show it or not].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000), help_heading = "Amount")]
    pub times: Option<u32>,
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Remove what runs that were killed have left.
///
/// Whatever a ledger holds is removed, users before what they use; where lists show names or tags, also what the run had no
/// time to note. Each removal is proved by a read.
#[derive(Debug, Args)]
#[command(after_help = CLEANUP_EXIT_CODES)]
pub struct Cleanup {
    /// Runs to clean up after, such as `aw12345678` [default: every ledger in the folder that is not clean]. A run without a
    /// ledger is looked for by its name.
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    /// Only say what would be removed, as far as ledgers know.
    #[arg(long)]
    pub list: bool,
}

#[derive(Debug, Subcommand)]
pub enum Profile {
    /// Say what a profile lacks, and what each missing thing costs in coverage. Calls nothing that changes anything.
    Check {
        /// Operations or requirements [default: those of the profile].
        #[arg(value_name = "SELECTOR")]
        selectors: Vec<String>,
        #[command(flatten)]
        endpoint: Box<EndpointArgs>,
        /// Ask nobody, not even whether the credentials are good.
        #[arg(long)]
        offline: bool,
    },
    /// Print a file with two profiles to begin with: one for `aswritten serve`, one for real accounts.
    New,
}

#[derive(Debug, Subcommand)]
pub enum Spec {
    /// List services and operations.
    List {
        /// What is printed.
        #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
        format: Format,
    },
    /// Show a service, an operation or a requirement.
    Show {
        /// `ecs`, `ecs/DeleteImage` or `ecs/DeleteImage/error/ImageUseShared`.
        #[arg(value_name = "ID")]
        id: String,
        /// What is printed.
        #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
        format: Format,
    },
    /// Say everything that is wrong with specs, each with its place and what to do.
    Check {
        /// A folder with specs [default: those of `--specs`, else those that are built in].
        #[arg(value_name = "PATH")]
        path: Option<PathBuf>,
    },
    /// Print the JSON Schema of spec files.
    Schema,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// GET, all in the query.
    Get,
    /// POST, all in the query.
    PostQuery,
    /// POST, a form as body.
    PostForm,
    /// POST, a JSON object as body.
    PostJson,
}

fn report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("write FORMAT=PATH, such as json=report.json")?;
    let format =
        Format::from_str(format, false).map_err(|_| format!("`{format}` is no format; valid are: human, json"))?;
    if path.is_empty() {
        return Err("the path is empty".into());
    }
    Ok((format, path.into()))
}

fn percent(text: &str) -> Result<Share, String> {
    let number = text.trim_end_matches('%').trim().parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
    let number = number.ok_or_else(|| format!("`{text}` is no percentage; write 0.5 or 20"))?;
    Ok((number * WHOLE as f64 / 100.0).round() as Share)
}

fn times(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| format!("`{text}` is no factor; write 1 or 60"))
}

fn reporter(name: &str) -> Result<&'static Reporter, String> {
    let names = || REPORTERS.iter().map(|reporter| reporter.name).collect::<Vec<_>>().join(", ");
    let found = REPORTERS.iter().copied().find(|reporter| reporter.name == name);
    found.ok_or_else(|| format!("`{name}` is no format; valid are: {}", names()))
}

fn run_report(text: &str) -> Result<(&'static Reporter, PathBuf), String> {
    let (format, path) = text.split_once('=').ok_or("write FORMAT=PATH, such as json=report.json")?;
    let format = reporter(format)?;
    if path.is_empty() {
        return Err("the path is empty".into());
    }
    Ok((format, path.into()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
