//! From what was typed to endpoints that can be called.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use super::{
    args::EndpointArgs,
    credentials, duration,
    failure::Failure,
    givens::{self, Known},
    preflight,
    selector::Selection,
    target::{self, Target},
    terminal,
};
use crate::{
    endpoint::{
        Endpoint,
        http::{Http, Target as HttpTarget},
        in_process::InProcess,
    },
    execute::Surroundings,
    generate::Options,
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
/// Cases that run at the same time over HTTP.
const HTTP_WORKERS: usize = 8;
/// The same on the embedded mock: they wait most of the time, and it does not mind.
const MOCK_WORKERS: usize = 32;

/// What was typed, checked; nobody was called yet.
pub struct Plan {
    set: Arc<SpecSet>,
    args: EndpointArgs,
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
    /// Mock servers of our own; they stop when these are dropped.
    _servers: Vec<Server>,
}

/// Checks the options that say where and how.
///
/// # Errors
/// Whatever makes no sense, before anyone is called.
pub fn plan(set: &Arc<SpecSet>, args: &EndpointArgs, selection: Selection) -> Result<Plan, Failure> {
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
    Ok(Plan { set: set.clone(), args: args.clone(), target, known, policy, operations, only, addresses })
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
        let mut careful = false;
        let mut run = run_name(seed);
        let name = match &self.target {
            Target::Urls(_) => {
                // A real account may hold what an earlier run with the same seed made.
                run = run_name(&format!("{:016x}", rand::random::<u64>()));
                let http = self.http(&mut probes, &mut restricted, &mut careful, verbose).await?;
                let name = http.name();
                endpoints.push(Arc::new(http));
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
            Target::Urls(_) => HTTP_WORKERS,
        };
        let around = Surroundings {
            patience_ms: self.patience_ms(),
            linger_ms: self.linger_ms(),
            givens: self.known.givens,
            run,
            clean: true,
            pace: Default::default(),
        };
        let options = Options { probes, careful, restricted: restricted.into_iter().collect(), only: self.only };
        Ok(Connected {
            name,
            endpoints,
            operations,
            around,
            options,
            workers,
            addresses: self.addresses,
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
        Http::new(self.set.clone(), targets, self.args.timeout)
            .map_err(|error| Failure::environment(format!("cannot {error}")))
    }

    /// A client for URLs, once everyone there has answered as they should.
    async fn http(
        &mut self,
        probes: &mut Vec<Key>,
        restricted: &mut BTreeSet<usize>,
        careful: &mut bool,
        verbose: bool,
    ) -> Result<Http, Failure> {
        let mut targets = BTreeMap::new();
        let mut origins = BTreeMap::new();
        let second = credentials::restricted();
        for (service, address) in &self.addresses {
            let found = credentials::of(&self.set.services[*service], &address.url)?;
            if verbose {
                terminal::note(&format!("{}: credentials from {}", self.set.services[*service].name, found.origin));
            }
            origins.insert(*service, found.origin);
            targets.insert(*service, http_target(address, found.credential, second.clone()));
        }
        let first = self.client(targets.clone())?;
        let mocks = preflight::greet(&first, &self.addresses).await?;
        *careful = self.addresses.keys().any(|service| mocks.get(service) != Some(&true));
        for (service, target) in &mut targets {
            if mocks.get(service) == Some(&true) {
                target.restricted = Some(Credential::pair(mock::http::RESTRICTED));
            }
        }
        let http = self.client(targets)?;
        for (service, address) in &self.addresses {
            preflight::knock(&self.set, &http, *service, address, &origins[service], &self.known.givens).await?;
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
                let known = mocks.get(service) == Some(&true)
                    || self.known.set_by_user.contains(&(*service, name.clone()))
                    || preflight::discover(&self.set, &http, *service, &mut self.known.givens, &name, verbose).await;
                if known {
                    probes.push(given_place(&name));
                } else {
                    unknown.insert(given_place(&name));
                }
            }
        }
        // A place has one name in all services: where it is unknown in one of them, nobody's is called.
        probes.retain(|probe| !unknown.contains(probe));
        Ok(http)
    }
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
fn run_name(root: &str) -> String {
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    format!("aw{:08x}", hasher.finish() & 0xffff_ffff)
}
