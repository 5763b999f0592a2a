//! Build script: lists the spec files, so that adding one takes no Rust.

use std::{env, fs, path::Path};

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("specs");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let mut list = String::from("static EMBEDDED: &[(&str, &str)] = &[\n");
    for path in paths {
        println!("cargo:rerun-if-changed={path}");
        let shown = path.trim_start_matches(&*root.to_string_lossy()).trim_start_matches('/').to_owned();
        list.push_str(&format!("    ({shown:?}, include_str!({path:?})),\n"));
    }
    list.push_str("];\n");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("embedded.rs");
    fs::write(out, list).expect("the build folder is writable");
}

fn collect(folder: &Path, paths: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            paths.push(path.to_string_lossy().into_owned());
        }
    }
}
