//! Where specs come from: the binary itself, or a folder.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};

use super::{
    diagnostic::{Diagnostic, Diagnostics},
    format::{OPERATION_FILE, SERVICE_FILE},
    lower::{ServiceFiles, lower},
    reading::read,
    service::SpecSet,
    source::SourceFile,
};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Why no spec could be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("read {path}: {cause}")]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("find a `service.toml` under {0}")]
    Empty(PathBuf),
    #[error("make sense of the spec: {} problem{}", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Problems(Vec<Diagnostic>),
}

/// The specs that this version ships.
pub fn embedded() -> Result<SpecSet, LoadError> {
    let files = EMBEDDED
        .iter()
        .map(|(path, text)| Arc::new(SourceFile { path: (*path).into(), text: (*text).into() }))
        .collect();
    assemble(files).map_err(LoadError::Problems)
}

/// The specs in a folder: every `service.toml` below it, with the operations beside it.
///
/// # Errors
/// A file that cannot be read, no service at all, or every problem of the specs.
pub fn from_folder(root: &Path) -> Result<SpecSet, LoadError> {
    let mut files = Vec::new();
    let root = match root.parent() {
        Some(folder) if root.is_file() && folder == Path::new("") => Path::new("."),
        Some(folder) if root.is_file() => folder,
        _ => root,
    };
    collect(root, root, &mut files)?;
    if !files.iter().any(|file| file.path.ends_with("service.toml")) {
        return Err(LoadError::Empty(root.into()));
    }
    assemble(files).map_err(LoadError::Problems)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<Arc<SourceFile>>) -> Result<(), LoadError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |cause| LoadError::Read { path, cause }
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(fail(folder))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(fail(folder))?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            let text = fs::read_to_string(&path).map_err(fail(&path))?;
            let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(Arc::new(SourceFile { path: shown, text }));
        }
    }
    Ok(())
}

/// Reads and lowers files; either the specs, or everything that is wrong with them.
pub fn assemble(files: Vec<Arc<SourceFile>>) -> Result<SpecSet, Vec<Diagnostic>> {
    let mut problems = Diagnostics::default();
    let mut services = Vec::new();
    for file in files.iter().filter(|file| file_name(file) == "service.toml") {
        let folder = &file.path[..file.path.len() - "service.toml".len()];
        let operations = files
            .iter()
            .filter(|other| {
                other.path.strip_prefix(folder).is_some_and(|rest| !rest.contains('/') && rest != "service.toml")
            })
            .map(|other| {
                let stem = file_name(other).trim_end_matches(".toml").to_owned();
                (stem, read(other, &OPERATION_FILE, &mut problems))
            })
            .collect();
        services.push(ServiceFiles { service: read(file, &SERVICE_FILE, &mut problems), operations });
    }
    let set = SpecSet { digest: digest(&files), ..lower(&services, &mut problems) };
    if problems.is_empty() { Ok(set) } else { Err(problems.into_sorted()) }
}

/// Tells specs apart, wherever they are from.
fn digest(files: &[Arc<SourceFile>]) -> String {
    let mut files: Vec<&SourceFile> = files.iter().map(|file| &**file).collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let mut hash = Sha256::new();
    for text in files.iter().flat_map(|file| [&file.path, &file.text]) {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file_name(file: &SourceFile) -> &str {
    file.path.rsplit('/').next().unwrap_or(&file.path)
}
