//! From what was typed to endpoints that can be called.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use secrecy::SecretString;

use super::{
    args::EndpointArgs,
    credentials, duration,
    exit_code::ExitCode,
    failure::Failure,
    givens::{self, Known},
    preflight,
    profile::Profile,
    safety::{self, Guard},
    selector::Selection,
    target::{self, Target},
    terminal,
};
use crate::{
    endpoint::{
        Endpoint,
        http::{Http, Target as HttpTarget},
        in_process::InProcess,
        limits::Limits,
    },
    execute::{Pace, Surroundings, run_name},
    generate::{Options, Permit},
    guard::{Budget, Ledger, Probes, Rules, record::About},
    mock::{self, Mock, Policy, http::Front, server::Server},
    report::Address,
    spec::{SpecSet, service::OpRef},
    value::{Key, given_place},
    wire::Credential,
};

/// Where `aswritten serve` listens; what a request to a mock that is gone by then is shown with.
const SERVE_URL: &str = "http://127.0.0.1:8080/";
/// Patience on a mock: this, and this many times what work takes there.
const MOCK_PATIENCE: (Duration, u32) = (Duration::from_secs(2), 20);
/// Patience on a server of this machine, in milliseconds.
const LOOPBACK_PATIENCE_MS: u64 = 10_000;
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Cases that run at the same time over HTTP.
const HTTP_WORKERS: usize = 8;
/// The same on the embedded mock: they wait most of the time, and it does not mind.
const MOCK_WORKERS: usize = 32;

/// What was typed, checked; nobody was called yet.
pub struct Plan {
    set: Arc<SpecSet>,
    args: EndpointArgs,
    pub profile: Option<Profile>,
    target: Target,
    known: Known,
    policy: Policy,
    pub operations: Vec<OpRef>,
    pub only: Vec<(OpRef, usize)>,
    addresses: BTreeMap<usize, Address>,
}

/// Endpoints, and what the suite may do with them.
pub struct Connected {
    pub name: String,
    pub endpoints: Vec<Arc<dyn Endpoint>>,
    /// Operations, each with the endpoint that serves its edition.
    pub operations: Vec<(OpRef, usize)>,
    pub around: Surroundings,
    pub options: Options,
    pub workers: usize,
    pub addresses: BTreeMap<usize, Address>,
    /// What stands before URLs.
    pub guard: Option<Guard>,
    /// Set from outside, or when nothing can be recorded any more.
    pub stop: Arc<AtomicBool>,
    /// The endpoint was made for this run, and lives no longer.
    pub own: bool,
    /// What must never be written down.
    pub secrets: Vec<SecretString>,
    /// Mock servers of our own; they stop when these are dropped.
    _servers: Vec<Server>,
}

/// Checks the options that say where and how.
///
/// # Errors
/// Whatever makes no sense, before anyone is called.
pub fn plan(
    set: &Arc<SpecSet>,
    args: &EndpointArgs,
    profile: Option<Profile>,
    selection: Selection,
) -> Result<Plan, Failure> {
    let args = &match &profile {
        Some(profile) => profile.fill(set, args)?,
        None => args.clone(),
    };
    let known = givens::parse(set, &args.givens)?;
    let target = target::parse(set, &args.endpoints, &known.givens)?;
    let mut policy = Policy::new(set, duration::ms(args.settle));
    for answer in &args.answers {
        policy.answer(set, answer).map_err(|why| Failure::usage(format!("`--answer {answer}`: {why}")))?;
    }
    if let (Target::Urls(_), Some(answer)) = (&target, args.answers.first()) {
        let text = format!("`--answer {answer}` is for a mock of our own; a URL answers as it likes");
        return Err(Failure::usage(text).help("give it to `aswritten serve`, or leave out `--endpoint`"));
    }
    let (operations, only) = narrowed(set, selection, &target)?;
    let services: BTreeSet<usize> = operations.iter().map(|at| at.service).collect();
    let mut addresses = BTreeMap::new();
    let mock_url = url::Url::parse(SERVE_URL).map_err(|error| Failure::usage(error.to_string()))?;
    for service in services {
        let url = match &target {
            Target::Urls(urls) => urls.get(&service).cloned(),
            Target::Mock | Target::InProcess => Some(mock_url.clone()),
        };
        if let Some(url) = url {
            addresses.insert(service, target::address(&set.services[service], url, args)?);
        }
    }
    if let Some(profile) = profile.as_ref().filter(|profile| profile.probes() == Probes::Free)
        && let Some(address) = addresses.values().find(|address| !credentials::is_loopback(&address.url))
    {
        let text =
            format!("profile `{}`: `probes = \"free\"` is for this machine, not for {}", profile.name, address.url);
        return Err(Failure::new(ExitCode::BadSpec, text).help("write `dry-run`, or `off`"));
    }
    Ok(Plan { set: set.clone(), args: args.clone(), profile, target, known, policy, operations, only, addresses })
}

/// Operations, and requirements where only some are asked for.
type Narrowed = (Vec<OpRef>, Vec<(OpRef, usize)>);

/// What of a selection the endpoint can be asked about.
fn narrowed(set: &SpecSet, selection: Selection, target: &Target) -> Result<Narrowed, Failure> {
    let Target::Urls(urls) = target else { return Ok((selection.operations, selection.only)) };
    // Editions are judged side by side: what only one of them says is an open question of the other.
    let selected = |at: &OpRef| urls.contains_key(&at.service);
    let operations: Vec<OpRef> = selection.operations.iter().copied().filter(selected).collect();
    if operations.is_empty() {
        let missing: BTreeSet<&str> = selection.operations.iter().map(|at| &*set.service(*at).name).collect();
        let text = format!("no endpoint for {}", missing.into_iter().collect::<Vec<_>>().join(", "));
        return Err(Failure::usage(text).help("add `--endpoint SERVICE=URL`"));
    }
    let only = selection.only.into_iter().filter(|(at, _)| operations.contains(at)).collect();
    Ok((operations, only))
}

impl Plan {
    /// Starts what has to be started, and asks who answers.
    ///
    /// # Errors
    /// When nobody answers, or not as they should.
    pub async fn connect(mut self, seed: &str, verbose: bool) -> Result<Connected, Failure> {
        let mut servers = Vec::new();
        let mut endpoints: Vec<Arc<dyn Endpoint>> = Vec::new();
        let mut operations = Vec::new();
        let mut probes = Vec::new();
        let mut restricted = BTreeSet::new();
        let mut secrets = Vec::new();
        let mut careful = false;
        let mut guard = None;
        let stop = Arc::new(AtomicBool::new(false));
        let mut permit = Permit::default();
        let mut lag_ms = 0;
        let mut run = name_of(seed);
        let name = match &self.target {
            Target::Urls(_) => {
                // A real account may hold what an earlier run with the same seed made.
                run = name_of(&format!("{:016x}", rand::random::<u64>()));
                let (http, reached) = self.reach(&mut probes, &mut restricted, &mut lag_ms, verbose).await?;
                secrets = http.secrets();
                let rules = self.rules(&reached);
                careful = rules.probes != Probes::Free;
                if rules.probes == Probes::Off {
                    probes.clear();
                }
                permit = self.permit(&reached);
                let about = self.about(&run);
                let ledger = Ledger::create(&self.args.ledger, about).map_err(safety::failure)?;
                let name = http.name();
                let limits = self.limits();
                let services = self.addresses.keys().copied().collect();
                let guarded = safety::guard(&self.set, http, rules, limits, Arc::new(ledger), stop.clone(), services);
                endpoints.push(guarded.endpoint.clone());
                guard = Some(guarded);
                operations.extend(self.operations.iter().map(|at| (*at, 0)));
                name
            }
            own => {
                let in_process = *own == Target::InProcess;
                for at in self.operations.clone() {
                    let operation = self.set.operation(at);
                    if operation.edition.is_none() && !endpoints.is_empty() {
                        operations.push((at, 0));
                        continue;
                    }
                    // The first endpoint serves the current editions; each older edition has one of its own.
                    if endpoints.is_empty() {
                        endpoints.push(self.own(self.policy.clone(), in_process, &mut servers).await?);
                    }
                    let mut index = 0;
                    if operation.edition.is_some() {
                        let mut policy = self.policy.clone();
                        policy.edition(&self.set, &operation.id).map_err(Failure::usage)?;
                        endpoints.push(self.own(policy, in_process, &mut servers).await?);
                        index = endpoints.len() - 1;
                    }
                    operations.push((at, index));
                }
                let all = self.set.services.iter().flat_map(|service| &service.givens);
                probes.extend(all.filter(|given| given.probe).map(|given| given_place(&given.name)));
                restricted.extend(0..self.set.services.len());
                if in_process { "in-process".into() } else { "mock".into() }
            }
        };
        probes.sort();
        probes.dedup();
        let workers = match &self.target {
            Target::InProcess => 1,
            Target::Mock => MOCK_WORKERS,
            Target::Urls(_) => {
                self.profile.as_ref().and_then(|profile| profile.workers).map_or(HTTP_WORKERS, |n| n.get().into())
            }
        };
        if let Some(guard) = &mut guard {
            guard.patience_ms = self.patience_ms();
            guard.settle_ms = self.linger_ms();
        }
        let around = Surroundings {
            patience_ms: self.patience_ms(),
            linger_ms: self.linger_ms(),
            givens: self.known.givens,
            run,
            clean: true,
            pace: Pace::lagging(self.args.lag.map_or(lag_ms, duration::ms)),
        };
        let options =
            Options { probes, careful, restricted: restricted.into_iter().collect(), only: self.only, permit };
        Ok(Connected {
            name,
            endpoints,
            operations,
            around,
            options,
            workers,
            addresses: self.addresses,
            guard,
            stop,
            own: !matches!(self.target, Target::Urls(_)),
            secrets,
            _servers: servers,
        })
    }

    /// How long to watch what should stay: a few times what asynchronous work takes.
    fn linger_ms(&self) -> u64 {
        let watched = match &self.target {
            Target::Mock | Target::InProcess => 50 + 3 * duration::ms(self.args.settle),
            Target::Urls(_) if self.addresses.values().all(|address| credentials::is_loopback(&address.url)) => 400,
            Target::Urls(_) => 5_000,
        };
        watched.min(self.patience_ms())
    }

    fn patience_ms(&self) -> u64 {
        if let Some(patience) = self.args.patience {
            return duration::ms(patience);
        }
        match &self.target {
            Target::Mock | Target::InProcess => duration::ms(MOCK_PATIENCE.0 + self.args.settle * MOCK_PATIENCE.1),
            Target::Urls(_) => {
                let each = self.addresses.iter().map(|(service, address)| {
                    if credentials::is_loopback(&address.url) {
                        LOOPBACK_PATIENCE_MS
                    } else {
                        self.set.services[*service].patience_ms
                    }
                });
                each.max().unwrap_or(LOOPBACK_PATIENCE_MS)
            }
        }
    }

    /// A mock of our own, on a socket or as a function.
    async fn own(
        &self,
        policy: Policy,
        in_process: bool,
        servers: &mut Vec<Server>,
    ) -> Result<Arc<dyn Endpoint>, Failure> {
        let mock = Mock::new(self.set.clone(), policy);
        if in_process {
            return Ok(Arc::new(InProcess::new(mock)));
        }
        let server = Server::start(Front::new(mock, Vec::new()), ([127, 0, 0, 1], 0).into())
            .await
            .map_err(|error| Failure::environment(format!("cannot start the mock server: {error}")))?;
        let url = url::Url::parse(&server.url()).map_err(|error| Failure::environment(error.to_string()))?;
        servers.push(server);
        let restricted = Some(Credential::pair(mock::http::RESTRICTED));
        let targets = self
            .addresses
            .iter()
            .map(|(service, address)| {
                let address = Address { url: url.clone(), ..address.clone() };
                (*service, http_target(&address, Credential::pair(mock::http::MAIN), restricted.clone()))
            })
            .collect();
        Ok(Arc::new(self.client(targets)?))
    }

    fn client(&self, targets: BTreeMap<usize, HttpTarget>) -> Result<Http, Failure> {
        Http::new(self.set.clone(), targets, self.args.timeout.unwrap_or(TIMEOUT))
            .map_err(|error| Failure::environment(format!("cannot {error}")))
    }

    /// A client for URLs, once everyone there has answered as they should.
    pub async fn reach(
        &mut self,
        probes: &mut Vec<Key>,
        restricted: &mut BTreeSet<usize>,
        lag_ms: &mut u64,
        verbose: bool,
    ) -> Result<(Arc<Http>, Reached), Failure> {
        let mut targets = BTreeMap::new();
        let mut origins = BTreeMap::new();
        let mut seconds = Vec::new();
        for (service, address) in &self.addresses {
            let described = &self.set.services[*service];
            let named = |names: fn(&Profile) -> &BTreeMap<String, String>| {
                self.profile.as_ref().and_then(|profile| names(profile).get(&described.name)).map(String::as_str)
            };
            let found = credentials::of(described, &address.url, named(|profile| &profile.credentials))?;
            let second = credentials::restricted(described, named(|profile| &profile.restricted))?;
            if verbose {
                terminal::note(&format!("{}: credentials from {}", described.name, found.origin));
            }
            if let Some(second) = &second {
                let said = format!("{}: second credential from {}", described.name, second.origin);
                if verbose {
                    terminal::note(&said);
                }
                seconds.push(said);
            }
            origins.insert(*service, found.origin);
            let second = second.map(|second| second.credential);
            targets.insert(*service, http_target(address, found.credential, second));
        }
        let first = self.client(targets.clone())?;
        let hosts = preflight::greet(&first, &self.addresses).await?;
        let mocks: BTreeMap<usize, bool> = hosts.iter().map(|(service, host)| (*service, host.is_mock)).collect();
        *lag_ms = hosts.values().map(|host| host.lag_ms).max().unwrap_or(0);
        let is_mock = |service: &usize| mocks.get(service) == Some(&true);
        for (service, target) in &mut targets {
            if is_mock(service) && target.restricted.is_none() {
                target.restricted = Some(Credential::pair(mock::http::RESTRICTED));
            }
        }
        let http = Arc::new(self.client(targets)?);
        // Nothing is created yet, and nothing could be.
        let scout = safety::scout(&self.set, http.clone());
        for (service, address) in &self.addresses {
            preflight::knock(&self.set, &scout, *service, address, &origins[service], &self.known.givens).await?;
            if http.has_restricted(*service) {
                restricted.insert(*service);
            }
        }
        let mut unknown = BTreeSet::new();
        for service in self.addresses.keys() {
            let names: Vec<String> = self.set.services[*service]
                .givens
                .iter()
                .filter(|given| given.probe)
                .map(|given| given.name.clone())
                .collect();
            for name in names {
                let known = is_mock(service)
                    || self.known.set_by_user.contains(&(*service, name.clone()))
                    || preflight::discover(&self.set, &scout, *service, &mut self.known.givens, &name, verbose).await;
                if known {
                    probes.push(given_place(&name));
                } else {
                    unknown.insert(given_place(&name));
                }
            }
        }
        // A place has one name in all services: where it is unknown in one of them, nobody's is called.
        probes.retain(|probe| !unknown.contains(probe));
        let ours = self.addresses.keys().all(is_mock);
        let said = origins
            .iter()
            .map(|(service, origin)| format!("{}: credentials from {origin}", self.set.services[*service].name));
        let origins = said.chain(seconds).collect();
        Ok((http, Reached { ours, origins }))
    }

    /// Every URL leads to this machine.
    fn is_local(&self) -> bool {
        self.addresses.values().all(|address| credentials::is_loopback(&address.url))
    }

    /// What the run may do at the URLs: as the profile says, or as is safe.
    fn rules(&self, reached: &Reached) -> Rules {
        let givens = self.known.givens.clone();
        let patience_ms = self.patience_ms();
        match &self.profile {
            Some(profile) => {
                let mut budget = profile.budget();
                budget.paid |= self.args.paid;
                Rules { givens, probes: profile.probes(), budget, patience_ms }
            }
            None if self.is_local() => {
                let probes = if reached.ours { Probes::Free } else { Probes::DryRun };
                let budget = Budget { paid: true, paid_at_once: usize::MAX, ..Budget::default() };
                Rules { givens, probes, budget, patience_ms }
            }
            None => {
                let budget = Budget { paid: self.args.paid, ..Budget::default() };
                Rules { givens, probes: Probes::DryRun, budget, patience_ms }
            }
        }
    }

    /// What scripts may ask of the account.
    pub fn permit(&self, reached: &Reached) -> Permit {
        let mut permit = match &self.profile {
            Some(profile) => profile.permit(&self.set),
            None if self.is_local() => return Permit::default(),
            None => Permit { unpaid: true, thrifty: true, ..Permit::default() },
        };
        permit.unpaid &= !self.args.paid;
        permit.missing = self.missing(reached);
        permit
    }

    /// Given things that nobody gave, and that are not there by themselves.
    fn missing(&self, reached: &Reached) -> BTreeSet<(usize, String)> {
        if self.profile.is_none() && reached.ours {
            return BTreeSet::new();
        }
        let services = self.addresses.keys();
        let all = services.flat_map(|service| {
            let givens = self.set.services[*service].givens.iter().filter(|given| !given.real && !given.probe);
            givens.map(move |given| (*service, given.name.clone()))
        });
        all.filter(|place| !self.known.set_by_user.contains(place)).collect()
    }

    fn limits(&self) -> Limits {
        match &self.profile {
            Some(profile) => profile.limits(&self.set),
            // A server of this machine has no limits that anyone documented.
            None if self.is_local() => Limits::default(),
            None => Limits::documented(&self.set),
        }
    }

    /// What a ledger says of the run.
    fn about(&self, run: &str) -> About {
        let name = |service: &usize| self.set.services[*service].name.clone();
        let endpoints = self.addresses.iter().map(|(service, address)| (name(service), address.url.to_string()));
        let givens = self.addresses.keys().map(|service| {
            let described = self.set.services[*service].givens.iter();
            let values = described.filter_map(|given| {
                Some((given.name.clone(), self.known.givens.get(*service, &given.name)?.to_owned()))
            });
            (name(service), values.collect())
        });
        About {
            run: run.to_owned(),
            endpoints: endpoints.collect(),
            givens: givens.collect(),
            profile: self.profile.as_ref().map(|profile| profile.name.clone()),
        }
    }

    /// What a generator may do as far as it is known without asking anyone.
    pub fn offline_options(&self) -> Options {
        let reached = Reached { ours: self.profile.is_none() && self.is_local(), origins: Vec::new() };
        let services = || self.addresses.keys();
        let is_url = matches!(self.target, Target::Urls(_));
        let mut probes = Vec::new();
        for service in services() {
            let known = |name: &str| !is_url || self.known.set_by_user.contains(&(*service, name.to_owned()));
            let givens = self.set.services[*service].givens.iter().filter(|given| given.probe && known(&given.name));
            probes.extend(givens.map(|given| given_place(&given.name)));
        }
        if !is_url {
            let restricted = (0..self.set.services.len()).collect();
            return Options { probes, restricted, only: self.only.clone(), ..Options::default() };
        }
        let named = |service: &usize| {
            let names = self.profile.as_ref().map(|profile| &profile.restricted);
            let name = names.and_then(|names| names.get(&self.set.services[*service].name));
            credentials::restricted(&self.set.services[*service], name.map(String::as_str))
        };
        let restricted = services().filter(|service| named(service).is_ok_and(|found| found.is_some())).copied();
        let rules = self.rules(&reached);
        if rules.probes == Probes::Off {
            probes.clear();
        }
        Options {
            probes,
            careful: rules.probes != Probes::Free,
            restricted: restricted.collect(),
            only: self.only.clone(),
            permit: self.permit(&reached),
        }
    }

    /// What a generator may do, after asking who answers; also where credentials are from. Nothing is changed by that.
    ///
    /// # Errors
    /// When nobody answers, or not as they should.
    pub async fn look(mut self, verbose: bool) -> Result<(Self, Options, Vec<String>), Failure> {
        let (mut probes, mut restricted) = (Vec::new(), BTreeSet::new());
        let (_, reached) = self.reach(&mut probes, &mut restricted, &mut 0, verbose).await?;
        let rules = self.rules(&reached);
        if rules.probes == Probes::Off {
            probes.clear();
        }
        probes.sort();
        probes.dedup();
        let options = Options {
            probes,
            careful: rules.probes != Probes::Free,
            restricted: restricted.into_iter().collect(),
            only: self.only.clone(),
            permit: self.permit(&reached),
        };
        let origins = reached.origins;
        Ok((self, options, origins))
    }

    /// Endpoints as for a run, for what an earlier run left.
    ///
    /// # Errors
    /// When nobody answers, or not as they should.
    pub async fn cleaner(mut self, ledger: Ledger, verbose: bool) -> Result<Guard, Failure> {
        let (http, reached) = self.reach(&mut Vec::new(), &mut BTreeSet::new(), &mut 0, verbose).await?;
        let rules = Rules { budget: Budget::default(), probes: Probes::Off, ..self.rules(&reached) };
        let limits = self.limits();
        let services = self.addresses.keys().copied().collect();
        let stop = Arc::new(AtomicBool::new(false));
        let mut guard = safety::guard(&self.set, http, rules, limits, Arc::new(ledger), stop, services);
        guard.patience_ms = self.patience_ms();
        guard.settle_ms = self.linger_ms();
        Ok(guard)
    }
}

/// Who answers at URLs.
pub struct Reached {
    /// All of them are mocks of ours.
    ours: bool,
    /// Where credentials are from, a sentence for each service.
    origins: Vec<String>,
}

fn http_target(address: &Address, credential: Credential, restricted: Option<Credential>) -> HttpTarget {
    HttpTarget {
        url: address.url.clone(),
        credential,
        restricted,
        scheme: address.scheme.clone(),
        placement: address.placement,
        format: address.format,
    }
}

/// Name that everything a run creates carries.
fn name_of(root: &str) -> String {
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    run_name(hasher.finish())
}
