//! Puts an adapter, and the packages that it needs, into a folder of its own: `DIR/<adapter>/`, and nowhere else.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    catalogue::{Adapter, Runtime},
    process::Launch,
};

/// Name of the file that says what was installed last.
const RECORD: &str = "installed.txt";

/// Why an adapter could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("write {path}: {cause}")]
    Write { path: PathBuf, cause: io::Error },
    #[error("run `{command}`: {why}")]
    Run { command: String, why: String },
}

/// Where an adapter is installed.
pub fn folder(root: &Path, adapter: &Adapter) -> PathBuf {
    root.join(&adapter.name)
}

/// Its packages are there, in the versions that this version of the suite wants.
pub fn is_installed(root: &Path, adapter: &Adapter) -> bool {
    fs::read_to_string(folder(root, adapter).join(RECORD)).is_ok_and(|text| text == record(adapter))
}

/// How an installed adapter is started. Its own file is written anew, so that it belongs to this version of the suite.
///
/// # Errors
/// When that file cannot be written.
pub fn launch(root: &Path, adapter: &Adapter) -> Result<Launch, InstallError> {
    let folder = folder(root, adapter);
    // Programs are started from wherever the user is.
    let folder = folder.canonicalize().unwrap_or(folder);
    write_files(&folder, adapter)?;
    let home = folder.join("home");
    let (program, file, variables) = match adapter.runtime {
        Some(Runtime::Python) => {
            let quiet = vec![("PYTHONDONTWRITEBYTECODE".into(), "1".into()), ("PYTHONUTF8".into(), "1".into())];
            (python(&folder).into_os_string(), "adapter.py", quiet)
        }
        _ => ("node".into(), "adapter.mjs", Vec::new()),
    };
    Ok(Launch { program, arguments: vec![folder.join(file).into_os_string()], home: Some(home), variables })
}

/// The commands that install an adapter's packages, to be run one after the other.
pub fn commands(root: &Path, adapter: &Adapter) -> Vec<Vec<String>> {
    let folder = folder(root, adapter);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match adapter.runtime {
        Some(Runtime::Python) => {
            let interpreter = text(&python(&folder));
            let mut pip =
                words(&[&interpreter, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"]);
            pip.push("--quiet".into());
            pip.extend(adapter.packages.iter().cloned());
            vec![words(&["python3", "-m", "venv", &text(&folder.join("venv"))]), pip]
        }
        Some(Runtime::Node) => {
            let cache = text(&folder.join("cache"));
            let mut npm =
                words(&["npm", "install", "--prefix", &text(&folder), "--cache", &cache, "--no-audit", "--no-fund"]);
            npm.extend(words(&["--no-update-notifier", "--loglevel", "error"]));
            npm.extend(adapter.packages.iter().cloned());
            vec![npm]
        }
        None => Vec::new(),
    }
}

/// Installs an adapter.
///
/// # Errors
/// A folder that cannot be written, or a command that failed, with what it said.
pub fn install(root: &Path, adapter: &Adapter) -> Result<(), InstallError> {
    let folder = folder(root, adapter);
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |cause| InstallError::Write { path, cause }
    };
    let home = folder.join("home");
    fs::create_dir_all(&home).map_err(fail(&home))?;
    write_files(&folder, adapter)?;
    if adapter.runtime == Some(Runtime::Node) {
        // Without one, a package folder further up would be taken.
        let manifest = folder.join("package.json");
        if !manifest.exists() {
            fs::write(&manifest, "{\"private\":true}\n").map_err(fail(&manifest))?;
        }
    }
    for words in commands(root, adapter) {
        run(&words)?;
    }
    let record_path = folder.join(RECORD);
    fs::write(&record_path, record(adapter)).map_err(fail(&record_path))
}

fn run(words: &[String]) -> Result<(), InstallError> {
    let fail = |why: String| InstallError::Run { command: words.join(" "), why };
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| fail(format!("{error}; is {program} installed?")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = said.trim().lines().rev().take(5).collect();
    Err(fail(format!("{}: {}", output.status, tail.into_iter().rev().collect::<Vec<_>>().join("; "))))
}

fn write_files(folder: &Path, adapter: &Adapter) -> Result<(), InstallError> {
    for (name, text) in &adapter.files {
        let path = folder.join(name);
        // Others may be starting it just now.
        if fs::read_to_string(&path).is_ok_and(|known| known == *text) {
            continue;
        }
        fs::write(&path, text).map_err(|cause| InstallError::Write { path, cause })?;
    }
    Ok(())
}

fn python(folder: &Path) -> PathBuf {
    folder.join("venv").join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

fn record(adapter: &Adapter) -> String {
    adapter.packages.iter().map(|package| format!("{package}\n")).collect()
}
