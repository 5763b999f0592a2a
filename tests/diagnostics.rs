//! What an author reads about a bad spec: every case of `tests/diagnostics`, with all of its messages.
//!
//! `operation/NAME.toml` is read as `Delete.toml` beside a good service, `service/NAME.toml` as the service beside a good
//! `Delete.toml`, and `folder/NAME` as it stands. The snapshot beside a case shows for each problem its place, code and
//! message, the text that is underlined with its label, and the help.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::Arc,
};

use aswritten::spec::{diagnostic::Diagnostic, load::assemble, source::SourceFile};

const GOOD_SERVICE: &str = include_str!("diagnostics/good/service.toml");
const GOOD_OPERATION: &str = include_str!("diagnostics/good/Delete.toml");

#[test]
fn bad_specs_are_explained() {
    let cases = cases();
    assert!(cases.len() >= 45, "only {} cases", cases.len());
    let failed: Vec<_> = cases.into_iter().filter(|case| catch_unwind(|| check(case)).is_err()).collect();
    assert!(failed.is_empty(), "{} cases differ: {failed:#?}", failed.len());
}

#[test]
fn the_good_companions_are_good() {
    assert_eq!(
        render(&problems(&[file("shop/service.toml", GOOD_SERVICE), file("shop/Delete.toml", GOOD_OPERATION)])),
        ""
    );
}

#[test]
fn every_code_has_a_case() {
    let reported = codes_of_the_source(Path::new("src/spec"));
    assert!(reported.len() > 20, "found only {reported:?}");
    let shown: BTreeSet<String> =
        cases().iter().flat_map(|case| problems(&files(case))).map(|problem| problem.code.to_owned()).collect();
    let untested: Vec<_> = reported.difference(&shown).collect();
    assert!(untested.is_empty(), "no case shows {untested:?}");
    let unknown: Vec<_> = shown.difference(&reported).collect();
    assert!(unknown.is_empty(), "not found in the source: {unknown:?}");
}

#[test]
fn every_snapshot_has_a_case() {
    let cases: BTreeSet<PathBuf> = cases().iter().map(|case| case.with_extension("snap")).collect();
    for folder in ["operation", "service", "folder"] {
        for path in list(&root().join(folder)) {
            let stale = path.extension().is_some_and(|ending| ending == "snap") && !cases.contains(&path);
            assert!(!stale, "{} shows no case", path.display());
        }
    }
}

/// A place is within its file and can be underlined, in every case.
#[test]
fn every_place_can_be_underlined() {
    for case in cases() {
        for problem in problems(&files(&case)) {
            let span = problem.span.unwrap_or_else(|| panic!("{}: no place: {}", case.display(), problem.message));
            let text = span.file.text.get(span.range.clone());
            let visible = text.is_some_and(|text| !text.is_empty()) || span.file.text.is_empty();
            assert!(visible, "{}: {:?} cannot be underlined: {}", case.display(), span.range, problem.message);
        }
    }
}

/// Compares all messages of a case with the snapshot beside it.
fn check(case: &Path) {
    let rendered = render(&problems(&files(case)));
    assert!(!rendered.is_empty(), "{} is a good spec", case.display());
    let mut settings = insta::Settings::clone_current();
    settings
        .set_snapshot_path(case.strip_prefix("tests").expect("cases are tests").parent().expect("cases have a folder"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let name = case.file_stem().expect("cases have a name").to_string_lossy();
    settings.bind(|| insta::assert_snapshot!(&*name, rendered));
}

fn problems(files: &[Arc<SourceFile>]) -> Vec<Diagnostic> {
    assemble(files.to_vec()).err().unwrap_or_default()
}

fn render(problems: &[Diagnostic]) -> String {
    let mut out = String::new();
    for problem in problems {
        let Diagnostic { code, message, span, label, help } = problem;
        let place = span.as_ref().map_or("?".into(), |span| {
            let before = &span.file.text[..span.range.start];
            let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
            format!("{span}:{column}")
        });
        writeln!(out, "{place} [{code}] {message}").expect("texts can be written");
        let underlined = span.as_ref().map_or("", |span| &span.file.text[span.range.clone()]);
        for line in underlined.lines() {
            writeln!(out, "  | {line}").expect("texts can be written");
        }
        writeln!(out, "  ^ {label}\n  = {help}\n").expect("texts can be written");
    }
    out
}

/// The spec of a case.
fn files(case: &Path) -> Vec<Arc<SourceFile>> {
    if case.is_dir() {
        let mut paths = Vec::new();
        walk(case, &mut paths);
        let shown = |path: &Path| path.strip_prefix(case).unwrap_or(path).to_string_lossy().replace('\\', "/");
        return paths.iter().map(|path| file(&shown(path), &read(path))).collect();
    }
    let [service, operation] = match case.parent().and_then(Path::file_name).and_then(|name| name.to_str()) {
        Some("operation") => [GOOD_SERVICE, &read(case)],
        _ => [&read(case), GOOD_OPERATION],
    };
    vec![file("shop/service.toml", service), file("shop/Delete.toml", operation)]
}

fn file(path: &str, text: &str) -> Arc<SourceFile> {
    Arc::new(SourceFile { path: path.into(), text: text.into() })
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).replace("\r\n", "\n")
}

fn root() -> PathBuf {
    Path::new("tests").join("diagnostics")
}

/// Files and folders that are cases.
fn cases() -> Vec<PathBuf> {
    let toml = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml");
    let single = ["operation", "service"].into_iter().flat_map(|folder| list(&root().join(folder))).filter(toml);
    single.chain(list(&root().join("folder")).into_iter().filter(|path| path.is_dir())).collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for path in list(folder) {
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// The first argument of every `report(…)`.
fn codes_of_the_source(folder: &Path) -> BTreeSet<String> {
    let call = regex_lite::Regex::new(r#"\breport\(\s*"([^"]+)""#).expect("a regular expression");
    let mut paths = Vec::new();
    walk(folder, &mut paths);
    let mut codes = BTreeSet::new();
    for path in paths {
        codes.extend(call.captures_iter(&read(&path)).map(|found| found[1].to_owned()));
    }
    codes
}
