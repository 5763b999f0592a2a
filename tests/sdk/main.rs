//! The validation of SDKs: an adapter without an SDK, four that are wrong, what `check-adapter` says, and every shipped
//! adapter whose packages are installed in `ASWRITTEN_SDKS`.

mod deletes;
mod scripted;
#[path = "../support/served.rs"]
mod served;

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Output},
    sync::Arc,
};

use aswritten::sdk::{catalogue, install};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::Value;

/// Makes this program an adapter.
const ADAPTER: &str = "--as-adapter";
/// Folder in which SDKs are installed.
const SDKS: &str = "ASWRITTEN_SDKS";

fn main() {
    let words: Vec<String> = env::args().collect();
    if let [_, flag, manner] = &words[..]
        && flag == ADAPTER
    {
        return scripted::run(manner);
    }
    libtest_mimic::run(&Arguments::from_args(), trials()).exit();
}

fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("scripted::an_honest_adapter_conforms", honest),
        Trial::test("scripted::a_seed_makes_the_same_cases", same_cases),
        Trial::test("scripted::a_deviation_that_no_longer_occurs_fails", stale_deviation),
        Trial::test("scripted::a_known_deviation_does_not_count", known_deviation),
        Trial::test("scripted::a_deviation_of_what_is_not_there", deviation_of_nothing),
        Trial::test("scripted::an_adapter_that_is_not_there", not_there),
        Trial::test("scripted::what_is_missing_is_said", missing),
    ];
    let wrong = [
        ("drops-an-argument", &["request/"][..]),
        ("swallows-an-error", &["answer/error"]),
        ("sends-twice", &["request/once"]),
        ("wrong-region", &["request/region"]),
    ];
    for (manner, expected) in wrong {
        trials.push(Trial::test(format!("wrong::{manner}"), move || caught(manner, expected)));
    }
    let checked = [
        ("honest", None),
        ("chatty", Some("✗ starts, and says hello in protocol 1")),
        ("other-id", Some("✗ starts, and says hello in protocol 1\n    it answers with id 2, not 1")),
        ("fragile", Some("✗ answers a line that is no JSON, and goes on")),
        ("drops-an-argument", Some("✗ ecs: hands on action, region and arguments")),
        ("swallows-an-error", Some("✗ ecs: tells of an error with its code and message")),
        ("sends-twice", Some("✗ cvm: makes the call as one request to the endpoint\n    2 requests arrive")),
        ("wrong-region", Some("✗ cvm: hands on action, region and arguments\n    the request goes to elsewhere")),
    ];
    for (manner, expected) in checked {
        trials.push(Trial::test(format!("check_adapter::{manner}"), move || check_adapter(manner, expected)));
    }
    for adapter in catalogue::embedded().expect("the embedded adapters are sound").adapters {
        let name = adapter.name.replace('-', "_");
        let other = adapter.clone();
        trials.push(Trial::ignorable_test(format!("installed::{name}"), move || installed(&adapter)));
        trials.push(Trial::ignorable_test(format!("served::{name}"), move || served(&other)));
    }
    for (language, adapter, program) in
        [("python", "alibabacloud-python", "venv/bin/python"), ("javascript", "tencentcloud-nodejs", "node")]
    {
        trials.push(Trial::ignorable_test(format!("readme::{language}"), move || readme(language, adapter, program)));
    }
    trials
}

fn aswritten(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aswritten"));
    command.args(words).env_remove(SDKS).output().expect("the program starts")
}

fn adapter(manner: &str) -> String {
    let own = env::current_exe().expect("this program has a place");
    format!("{} {ADAPTER} {manner}", own.display())
}

/// Runs an adapter; the exit code, and the report.
fn validate(manner: &str, more: &[&str]) -> Result<(Option<i32>, Value), Failed> {
    let own = format!("scripted={}", adapter(manner));
    let words = ["sdk", "--adapter", &own, "--seed", "1", "--format", "json", "--quiet"];
    let output = aswritten(&[&words[..], more].concat());
    let report = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.code(), report))
}

fn found(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().into_iter().flatten();
    findings.filter_map(|finding| finding["requirement"].as_str()).map(str::to_owned).collect()
}

fn check(is_right: bool, told: impl FnOnce() -> String) -> Result<(), Failed> {
    if is_right { Ok(()) } else { Err(told().into()) }
}

fn honest() -> Result<(), Failed> {
    let (code, report) = validate("honest", &[])?;
    check(code == Some(0) && report["verdict"] == "conforms", || format!("{code:?}: {:#}", report["findings"]))?;
    for field in ["schema", "verdict", "seed", "endpoint", "cases", "requests", "seconds", "operations", "findings"] {
        check(!report[field].is_null(), || format!("the report has no `{field}`"))?;
    }
    let operations = report["operations"].as_array().ok_or("no operations")?;
    check(operations.len() == 2, || format!("{} SDKs", operations.len()))?;
    for operation in operations {
        let named = ["adapter", "sdk", "sdk_version"].iter().all(|field| operation[*field].is_string());
        check(named, || format!("an operation without its SDK: {operation:#}"))?;
        let requirements = operation["requirements"].as_array().ok_or("no requirements")?;
        let untried: Vec<_> = requirements.iter().filter(|one| one["exercised"] == 0).map(|one| &one["id"]).collect();
        // No retries and no status or id of requests are claimed; neither operation has numbers, one has no texts or lists.
        check(untried.len() <= 8, || format!("{}: not exercised: {untried:?}", operation["id"]))?;
    }
    Ok(())
}

fn same_cases() -> Result<(), Failed> {
    let run = || {
        validate("honest", &["--cases", "25"]).map(|(_, report)| (report["cases"].clone(), report["requests"].clone()))
    };
    let (first, second) = (run()?, run()?);
    check(first == second, || format!("{first:?} and {second:?}"))
}

/// What a wrong adapter does is found; nothing else is, and it is shrunk to the bare call.
fn caught(manner: &str, expected: &[&str]) -> Result<(), Failed> {
    // What is always wrong shows itself soon.
    let (code, report) = validate(manner, &["--cases", "60"])?;
    let found = found(&report);
    check(code == Some(1) && report["verdict"] == "violates", || format!("{code:?}: {}", report["verdict"]))?;
    for wanted in expected {
        check(found.iter().any(|id| id.starts_with(&format!("scripted/{wanted}"))), || {
            format!("no {wanted} in {found:?}")
        })?;
    }
    for finding in report["findings"].as_array().into_iter().flatten() {
        let named =
            finding["sdk"].as_str().is_some_and(|sdk| sdk.starts_with("scripted-")) && finding["sdk_version"] == "1";
        let shown = finding["wire"].as_array().is_some_and(|wire| !wire.is_empty()) && finding["call"].is_string();
        check(named && shown && finding["stable"] == true, || format!("{finding:#}"))?;
        let length = finding["script"].as_array().map_or(0, Vec::len);
        check(length <= 3, || format!("{} takes {length} commands", finding["requirement"]))?;
    }
    Ok(())
}

const DEVIATION: &str = r#"[[deviation]]
adapter = "scripted"
requirement = "request/once"
symptom = "sent again"
sdks = ["scripted-ecs VERSION", "scripted-cvm VERSION"]
reason = "made so"
"#;

fn with_deviation(manner: &str, version: &str, more: &[&str]) -> Result<(Option<i32>, Value), Failed> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("known.toml");
    fs::write(&path, DEVIATION.replace("VERSION", version)).map_err(|error| error.to_string())?;
    validate(manner, &[&["--deviations", &path.to_string_lossy()], more].concat())
}

fn stale_deviation() -> Result<(), Failed> {
    let (code, report) = with_deviation("honest", "1", &[])?;
    let stale = &report["stale_deviations"][0];
    check(code == Some(1) && stale["requirement"] == "request/once", || format!("{code:?}: {report:#}"))
}

fn known_deviation() -> Result<(), Failed> {
    let of = |report: &Value| {
        let findings = report["findings"].as_array().cloned().unwrap_or_default();
        findings.into_iter().find(|finding| finding["requirement"] == "scripted/request/once")
    };
    let (_, report) = with_deviation("sends-twice", "1", &["--cases", "20"])?;
    let known = of(&report).ok_or("not found")?;
    check(known["counts"] == false && known["known"] == "made so", || format!("{known:#}"))?;
    // A deviation belongs to one version.
    let (code, report) = with_deviation("sends-twice", "2", &["--cases", "20"])?;
    let other = of(&report).ok_or("not found")?;
    check(code == Some(1) && other["counts"] == true, || format!("{other:#}"))
}

fn deviation_of_nothing() -> Result<(), Failed> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("known.toml");
    for (right, wrong, told) in [
        ("request/once", "request/one", "no requirement is called `request/one`; did you mean `request/once`"),
        ("\"scripted\"", "\"scripter\"", "no adapter is called `scripter`; did you mean `scripted`"),
    ] {
        fs::write(&path, DEVIATION.replace(right, wrong)).map_err(|error| error.to_string())?;
        let own = format!("scripted={}", adapter("honest"));
        let output = aswritten(&["sdk", "--adapter", &own, "--deviations", &path.to_string_lossy(), "--cases", "1"]);
        let text = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        check(output.status.code() == Some(3) && text.contains(told), || format!("{:?}: {text}", output.status))?;
    }
    Ok(())
}

fn not_there() -> Result<(), Failed> {
    let output = aswritten(&["sdk", "--adapter", "gone=/no/such/program", "--quiet"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    check(output.status.code() == Some(5) && text.contains("not run: gone"), || format!("{:?}: {text}", output.status))
}

fn missing() -> Result<(), Failed> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let root = folder.path().to_string_lossy().into_owned();
    let name = &catalogue::embedded().map_err(|error| error.to_string())?.adapters[0].name;
    let output = aswritten(&["sdk", name, "--sdks", &root]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let command = format!("aswritten sdk --install {root} {name}");
    check(output.status.code() == Some(5) && text.contains(&command), || format!("{:?}: {text}", output.status))
}

fn check_adapter(manner: &str, expected: Option<&str>) -> Result<(), Failed> {
    let own = adapter(manner);
    let words: Vec<&str> = ["sdk", "check-adapter"].into_iter().chain(own.split(' ')).collect();
    let output = aswritten(&words);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (code, expected) = match expected {
        None => (0, "the adapter speaks the protocol"),
        Some(expected) => (1, expected),
    };
    check(output.status.code() == Some(code) && text.contains(expected), || format!("{:?}:\n{text}", output.status))
}

/// Folder of the installed SDKs, or why a test of this adapter is ignored.
fn root_of(adapter: &catalogue::Adapter) -> Result<PathBuf, Completion> {
    let Some(root) = env::var_os(SDKS).map(PathBuf::from) else {
        return Err(Completion::ignored_with(format!(
            "because {SDKS} does not name the folder where SDKs are installed"
        )));
    };
    if install::is_installed(&root, adapter) {
        return Ok(root);
    }
    Err(Completion::ignored_with(format!("because {} is not installed in {}", adapter.name, root.display())))
}

/// Each SDK deletes an image on `aswritten serve`, signed in each of its ways.
fn served(adapter: &Arc<catalogue::Adapter>) -> Result<Completion, Failed> {
    let root = match root_of(adapter) {
        Ok(root) => root,
        Err(ignored) => return Ok(ignored),
    };
    let set = Arc::new(aswritten::spec::embedded().map_err(|error| error.to_string())?);
    let launch = install::launch(&root, adapter).map_err(|error| error.to_string())?;
    let (_, hello) = aswritten::sdk::process::Process::greet(&launch).map_err(|error| error.to_string())?;
    let server = served::Served::start(&["--settle", "0ms"]);
    for known in &hello.sdks {
        for scheme in &adapter.signing {
            deletes::deletes(&set, &server.url, &launch, known, scheme)?;
        }
    }
    Ok(Completion::Completed)
}

/// The example of the README runs as it is printed, but for the port.
fn readme(language: &str, adapter: &str, program: &str) -> Result<Completion, Failed> {
    let adapters = catalogue::embedded().map_err(|error| error.to_string())?.adapters;
    let adapter = adapters.iter().find(|known| known.name == adapter).ok_or("no such adapter")?;
    let root = match root_of(adapter) {
        Ok(root) => root,
        Err(ignored) => return Ok(ignored),
    };
    let folder = install::folder(&root, adapter).canonicalize().map_err(|error| error.to_string())?;
    let text = fs::read_to_string("README.md").map_err(|error| error.to_string())?;
    let begin = format!("```{language}\n");
    let code = text.split(&begin).nth(1).and_then(|rest| rest.split("```").next()).ok_or("no example")?;
    let server = served::Served::start(&[]);
    let code = code.replace("127.0.0.1:8080", server.url.trim_start_matches("http://"));
    let path = folder.join(if language == "python" { "readme.py" } else { "readme.mjs" });
    fs::write(&path, code).map_err(|error| error.to_string())?;
    let program = if program == "node" { PathBuf::from(program) } else { folder.join(program) };
    let output = Command::new(program).arg(&path).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    check(output.status.success() && said.starts_with("deleted"), || {
        format!("{said}{}", String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(Completion::Completed)
}

/// A shipped adapter with its real SDKs: it deletes images, every signature verifies, and all that is found is known.
fn installed(adapter: &Arc<catalogue::Adapter>) -> Result<Completion, Failed> {
    let Some(root) = env::var_os(SDKS).map(PathBuf::from) else {
        return Ok(Completion::ignored_with(format!(
            "because {SDKS} does not name the folder where SDKs are installed"
        )));
    };
    if !install::is_installed(&root, adapter) {
        let why = format!("because {} is not installed in {}", adapter.name, root.display());
        return Ok(Completion::ignored_with(why));
    }
    let root = root.to_string_lossy().into_owned();
    let output = aswritten(&["sdk", &adapter.name, "--sdks", &root, "--seed", "ci", "--format", "json", "--quiet"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let new = report["findings"].as_array().into_iter().flatten().filter(|finding| finding["counts"] == true);
    let new: Vec<_> = new.map(|finding| format!("{}: {}", finding["key"], finding["summary"])).collect();
    check(output.status.code() == Some(0), || {
        format!("{:?}, {new:#?}, {:#}", output.status, report["stale_deviations"])
    })?;
    let found = report["findings"].as_array().into_iter().flatten();
    let unstable: Vec<_> = found.filter(|finding| finding["stable"] != true).map(|finding| &finding["key"]).collect();
    check(unstable.is_empty(), || format!("not each time: {unstable:?}"))?;
    for operation in report["operations"].as_array().into_iter().flatten() {
        for wanted in ["request/signature", "answer/success"] {
            let id = format!("{}/{wanted}", adapter.name);
            let requirements = operation["requirements"].as_array().into_iter().flatten();
            let conforms = requirements.into_iter().any(|one| one["id"] == id.as_str() && one["verdict"] == "conforms");
            check(conforms, || format!("{}: {id} is not met", operation["sdk"]))?;
        }
    }
    Ok(Completion::Completed)
}
