//! Runs that are killed, and what is left of them: `kill -9` at any moment, then `aswritten cleanup`.
//!
//! The server is a mock in this process, so that its inventory can be read; the runs are other processes.
//! `ASWRITTEN_KILLS=100 cargo test --test cli kill::` kills more of them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, Instant},
};

use aswritten::{
    endpoint::{Call, Endpoint, http::Http, translator::Target},
    history::Reply,
    mock::{Front, Mock, Policy, http::MAIN, server::Server, service::Item},
    model::Caller,
    spec::{self, SpecSet},
    wire::{Credential, Format, signing},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::process::{Ended, command, run_in};

/// How long the mock's work takes: long enough to be killed in the middle of it.
const SETTLE_MS: u64 = 40;
/// How often a file is looked at.
const PAUSE: Duration = Duration::from_millis(2);
/// Kills that every test run affords.
const KILLS: u64 = 4;

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));

/// A mock with other people's things in it.
struct Cloud {
    runtime: Option<Runtime>,
    server: Option<Server>,
    address: std::net::SocketAddr,
    before: Vec<Item>,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

impl Cloud {
    fn start() -> Self {
        let runtime = runtime();
        let front = Front::new(Mock::new(SET.clone(), Policy::new(&SET, SETTLE_MS)), Vec::new());
        let server = runtime.block_on(Server::start(front, ([127, 0, 0, 1], 0).into())).expect("a free port");
        let address = server.address;
        let mut cloud = Self { runtime: Some(runtime), server: Some(server), address, before: Vec::new() };
        cloud.populate();
        cloud.before = cloud.settled();
        cloud
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it runs")
    }

    /// Other people's images and instances, in every service.
    fn populate(&self) {
        let url = url::Url::parse(&self.url()).expect("a URL");
        let target = |service: usize| {
            let scheme = signing::find(&SET.services[service].signing[0]).expect("a scheme");
            Target {
                url: url.clone(),
                credential: Credential::pair(MAIN),
                restricted: None,
                scheme: scheme.name().to_owned(),
                placement: scheme.preferred_placement(),
                format: Format::Json,
            }
        };
        let targets = (0..SET.services.len()).map(|service| (service, target(service))).collect();
        let http = Http::new(SET.clone(), targets, Duration::from_secs(10)).expect("a client");
        let send = |id: &str, arguments: Value| {
            let at = SET.find(id).expect("it is specified");
            let params = &SET.operation(at).params;
            let region = arguments.get("Region").and_then(Value::as_str).map(Arc::from);
            let arguments = params.iter().map(|param| arguments.get(&param.name).cloned()).collect();
            let call = Call { operation: at, arguments, region, caller: Caller::Main };
            match self.runtime().block_on(http.send(&call)) {
                Reply::Success { fields, .. } => fields,
                other => panic!("{id}: {other:?}"),
            }
        };
        for number in 0..3 {
            let name = format!("web-frontend-{number}");
            let image =
                send("ecs/CreateImage", json!({ "RegionId": "cn-hangzhou", "SnapshotId": "s-1", "ImageName": name }));
            send("ens/CreateImage", json!({ "SnapshotId": "s-1", "ImageName": name }));
            send("cvm/CreateImage", json!({ "Region": "ap-guangzhou", "SnapshotIds": ["snap-1"], "ImageName": name }));
            if number == 0 {
                self.settled();
                let image = &image["ImageId"];
                send("ecs/RunInstances", json!({ "RegionId": "cn-hangzhou", "ImageId": image, "InstanceName": "web" }));
            }
        }
    }

    /// Everything that is there once nothing is under way.
    fn settled(&self) -> Vec<Item> {
        let began = Instant::now();
        loop {
            let items = self.server().inventory();
            if !items.iter().any(|item| item.is_pending) {
                return items;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "it never settles: {items:#?}");
            thread::park_timeout(PAUSE);
        }
    }

    /// What is there that was not there before, and what is missing or otherwise.
    fn check(&self, what: &str) {
        let now = self.settled();
        // A task is the record of something that was done; no call removes one.
        let may_stay = |item: &&Item| item.kind == "task";
        let added: Vec<&Item> = now.iter().filter(|item| !self.before.contains(item) && !may_stay(item)).collect();
        let lost: Vec<&Item> = self.before.iter().filter(|item| !now.contains(item)).collect();
        assert!(added.is_empty() && lost.is_empty(), "{what}: left or changed {added:#?}\nlost {lost:#?}");
    }

    /// Breaks every connection, and listens again with everything that was there.
    fn restart(&mut self) {
        let old = self.server.take().expect("it runs");
        self.runtime.take().expect("it runs").shutdown_background();
        let fresh = runtime();
        let began = Instant::now();
        let server = loop {
            match fresh.block_on(old.resume(self.address)) {
                Ok(server) => break server,
                // The port is free once the old listener is gone.
                Err(error) => assert!(began.elapsed() < Duration::from_secs(30), "{error}"),
            }
        };
        drop(old);
        (self.server, self.runtime) = (Some(server), Some(fresh));
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.server.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn start(cloud: &Cloud, folder: &Path, seed: u64) -> Child {
    let (url, seed) = (cloud.url(), seed.to_string());
    // Services take turns: planning for all of them takes longer than anything that is killed here.
    let services = ["ecs/DeleteImage", "cvm", "swas", "ens"];
    let service = services[(seed.parse::<usize>().expect("a number")) % services.len()];
    let mut command = command(&["run", service, "--quiet", "--endpoint", &url, "--seed", &seed], folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
}

fn clean_up(folder: &Path) -> Ended {
    run_in(&["cleanup"], folder)
}

fn ledgers(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder.join(".aswritten/ledger")) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

/// Lines in all ledgers: how far a run has come.
fn progress(folder: &Path) -> usize {
    let texts = ledgers(folder).into_iter().filter_map(|path| fs::read(path).ok());
    texts.map(|text| text.iter().filter(|byte| **byte == b'\n').count()).sum()
}

fn kills() -> u64 {
    env::var("ASWRITTEN_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS)
}

/// A number that looks random.
fn scatter(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 17
}

/// Lets a run come so far, in lines of its ledger, and then kills it; where it has ended by then, that is as well.
fn kill_after(child: &mut Child, folder: &Path, lines: usize) {
    while progress(folder) < lines && child.try_wait().expect("a child").is_none() {
        thread::park_timeout(PAUSE);
    }
    // SIGKILL: nobody is asked.
    let _ = child.kill();
    child.wait().expect("a child");
}

#[test]
fn a_run_that_is_killed_leaves_nothing_once_it_is_cleaned_up() {
    let cloud = Cloud::start();
    let n_kills = kills();
    let mut n_open = 0;
    for number in 0..n_kills {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = start(&cloud, folder.path(), number);
        // Early moments are the more interesting ones: nothing is learned yet, and everything begins.
        let lines = (scatter(number) % if number % 2 == 0 { 60 } else { 1_500 }) as usize;
        kill_after(&mut child, folder.path(), lines);
        n_open += usize::from(cloud.settled() != cloud.before);
        let ended = clean_up(folder.path());
        let said = ended.stderr;
        assert_eq!(ended.code, Some(0), "kill {number} after {lines} lines: {said}");
        cloud.check(&format!("kill {number} after {lines} lines: {said}"));
        let again = clean_up(folder.path());
        assert_eq!(again.code, Some(0), "nothing is left to clean up");
    }
    // It would prove nothing if every run had been clean when it was killed.
    assert!(n_open * 2 > n_kills as usize, "{n_open} of {n_kills} left something");
    println!("{n_kills} kills, {n_open} of them left something to clean up");
}

#[test]
fn an_endpoint_that_is_killed_and_comes_back() {
    let mut cloud = Cloud::start();
    for number in 0..kills().div_ceil(4) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = start(&cloud, folder.path(), number);
        let lines = 20 + (scatter(number) % 300) as usize;
        while progress(folder.path()) < lines && child.try_wait().expect("a child").is_none() {
            thread::park_timeout(PAUSE);
        }
        cloud.restart();
        kill_after(&mut child, folder.path(), lines + 40);
        cloud.restart();
        let ended = clean_up(folder.path());
        let said = ended.stderr;
        assert_eq!(ended.code, Some(0), "{said}");
        cloud.check(&said);
    }
}

#[test]
fn a_run_that_nobody_kills_leaves_nothing_by_itself() {
    let cloud = Cloud::start();
    let folder = tempfile::tempdir().expect("a folder");
    let url = cloud.url();
    let arguments = ["run", "cvm", "swas", "--endpoint", &url, "--seed", "7", "--cases", "100"];
    let ended = run_in(&arguments, folder.path());
    let said = ended.stderr;
    assert_eq!(ended.code, Some(0), "{said}");
    assert!(said.contains("made and gone, which reads prove"), "{said}");
    cloud.check(&said);
}

/// A folder on a disk of so many kilobytes; none where this user may not mount one.
#[cfg(target_os = "linux")]
fn small_disk(folder: &Path, kilobytes: u32) -> bool {
    let size = format!("size={kilobytes}k");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
    mounted.is_ok_and(|ended| ended.status.success())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_run_before_it_creates_what_it_cannot_record() {
    let cloud = Cloud::start();
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    if !small_disk(&disk, 16) {
        println!("not tried: no small disk can be mounted here; `tests/guard.rs` tries the same without one");
        return;
    }
    let url = cloud.url();
    let arguments = ["run", "cvm", "--endpoint", &url, "--seed", "7", "--ledger", "disk"];
    let ended = run_in(&arguments, folder.path());
    let said = ended.stderr;
    let ledgers: Vec<PathBuf> = fs::read_dir(&disk).expect("a folder").flatten().map(|entry| entry.path()).collect();
    let recorded = fs::read_to_string(&ledgers[0]).expect("a ledger");
    Command::new("umount").arg(&disk).output().expect("umount runs");
    assert_eq!(ended.code, Some(5), "{said}");
    assert!(said.contains("cannot be written") && said.contains("nothing more was created"), "{said}");
    assert!(recorded.len() <= 16 * 1024 && recorded.lines().count() > 10, "{recorded}");
    // What it had made by then, it has removed.
    cloud.check(&said);
}
