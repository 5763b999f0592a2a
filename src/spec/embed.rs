//! Build script: lists the spec files, and the adapters for SDKs, so that adding one takes no Rust.

use std::{env, fs, path::Path};

fn main() {
    embed("specs", "EMBEDDED", "embedded.rs", &|path| path.extension().is_some_and(|ending| ending == "toml"));
    // What an interpreter leaves beside its sources is none of them.
    let is_source =
        |path: &Path| path.extension().is_some_and(|ending| ["toml", "py", "mjs"].iter().any(|one| ending == *one));
    embed("sdks", "ADAPTERS", "adapters.rs", &is_source);
}

/// Writes a list of the files below a folder, each with its text.
fn embed(folder: &str, name: &str, file: &str, wanted: &dyn Fn(&Path) -> bool) {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(folder);
    println!("cargo:rerun-if-changed={}", root.display());
    let mut paths = Vec::new();
    collect(&root, wanted, &mut paths);
    paths.sort();
    let mut list = format!("static {name}: &[(&str, &str)] = &[\n");
    for path in paths {
        println!("cargo:rerun-if-changed={path}");
        let shown = path.trim_start_matches(&*root.to_string_lossy()).trim_start_matches('/').to_owned();
        list.push_str(&format!("    ({shown:?}, include_str!({path:?})),\n"));
    }
    list.push_str("];\n");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join(file);
    fs::write(out, list).expect("the build folder is writable");
}

fn collect(folder: &Path, wanted: &dyn Fn(&Path) -> bool, paths: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, wanted, paths);
        } else if wanted(&path) {
            paths.push(path.to_string_lossy().into_owned());
        }
    }
}
