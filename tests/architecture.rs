//! The layers of the crate: who may import whom, and what belongs to one place only.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const EVERYTHING: &str = "*";

/// Modules and what they may import besides themselves, from the bottom up.
const LAYERS: &[(&str, &[&str])] = &[
    ("value", &[]),
    ("spec", &["value"]),
    ("wire", &["spec", "value"]),
    ("model", &["spec", "value"]),
    ("sequence", &["model", "spec", "value"]),
    ("history", &["sequence", "spec", "value"]),
    ("mock", &["history", "model", "spec", "value", "wire"]),
    ("endpoint", &["history", "model", "sequence", "spec", "value", "wire"]),
    ("execute", &["endpoint", "history", "model", "sequence", "spec", "value"]),
    ("guard", &["endpoint", "execute", "history", "model", "sequence", "spec", "value"]),
    ("generate", &["model", "sequence", "spec", "value"]),
    ("oracle", &["history", "model", "sequence", "spec", "value"]),
    (
        "campaign",
        &["endpoint", "execute", "generate", "history", "model", "oracle", "sequence", "spec", "value", "wire"],
    ),
    (
        "mutant",
        &[
            "campaign", "endpoint", "execute", "generate", "history", "mock", "model", "oracle", "sequence", "spec",
            "value", "wire",
        ],
    ),
    ("record", &["campaign", "endpoint", "history", "oracle", "sequence", "spec", "value"]),
    (
        "sdk",
        &[
            "campaign", "endpoint", "execute", "generate", "history", "mock", "model", "sequence", "spec", "value",
            "wire",
        ],
    ),
    ("report", &["campaign", "guard", "history", "model", "mutant", "oracle", "sdk", "sequence", "spec", "value"]),
    ("cli", &[EVERYTHING]),
    ("trials", &[EVERYTHING]),
    ("lib", &[EVERYTHING]),
    ("main", &[EVERYTHING]),
];

/// Single files that may import more than their module: file, module, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("src/endpoint/direct.rs", "mock", "it is the mock's front, without a socket"),
    ("src/endpoint/in_process.rs", "mock", "it is the mock, without a socket"),
    ("src/report/curl.rs", "wire", "a curl line shows what travels"),
    ("src/report/mod.rs", "wire", "a curl line shows what travels"),
];

/// Words that only some places may say: word, places, reason.
const HOMES: &[(&str, &[&str], &str)] = &[
    ("proptest", &["src/generate"], "generation is behind `generate`"),
    ("reqwest", &["src/endpoint/http.rs"], "everything else is free of sockets"),
    (
        "println!",
        &["src/cli", "src/main.rs", "src/spec/embed.rs"],
        "libraries do not print; the build script talks to cargo",
    ),
    ("eprintln!", &["src/cli", "src/main.rs"], "libraries do not print"),
    ("print!", &["src/cli", "src/main.rs"], "libraries do not print"),
    ("eprint!", &["src/cli", "src/main.rs"], "libraries do not print"),
];

/// Names of vendors are in specs and on the wire.
const VENDORS: &[&str] = &["alibaba", "aliyun", "tencent", "ecs", "cvm"];
const VENDOR_HOMES: &[&str] = &["src/wire"];
/// Places that name one elsewhere: file, word, reason.
const VENDOR_EXCEPTIONS: &[(&str, &str, &str)] = &[
    // The key's description in the manual of the format; any short name would do.
    ("src/spec/format.rs", "ecs", "example of a service's name"),
    // Goes when the command line takes the place of the trial run.
];

const MOST_LINES: usize = 600;
/// Files that are longer today: file, reason.
const LONG: &[(&str, &str)] = &[];

#[test]
fn layers_import_downwards() {
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    for file in sources() {
        let own = file.module();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == own) else {
            broken.push(format!("{}: the module `{own}` is not in the table", file.path));
            continue;
        };
        for (line, target) in imports(&file.code) {
            if target == own || allowed.contains(&target.as_str()) || allowed.contains(&EVERYTHING) {
                continue;
            }
            match EXCEPTIONS.iter().position(|(path, module, _)| *path == file.path && *module == target) {
                Some(exception) => drop(used.insert(exception)),
                None => broken.push(format!("{}:{line}: `{own}` may not import `{target}`", file.path)),
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let stale: Vec<_> = EXCEPTIONS.iter().enumerate().filter(|(index, _)| !used.contains(index)).collect();
    assert!(stale.is_empty(), "exceptions that nothing needs: {stale:#?}");
}

#[test]
fn libraries_stay_at_home() {
    let mut broken = Vec::new();
    for file in sources() {
        for (word, homes, reason) in HOMES {
            if at_home(&file.path, homes) {
                continue;
            }
            let lines = lines_with(&file.code, |line| says(line, word));
            broken.extend(lines.map(|line| format!("{}:{line}: `{word}` is not for here: {reason}", file.path)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn vendors_are_data() {
    let mut broken = Vec::new();
    let mut used = BTreeSet::new();
    for file in sources().into_iter().filter(|file| !at_home(&file.path, VENDOR_HOMES)) {
        for vendor in VENDORS {
            // `ecs` is short enough to stand in other words; the others are looked for inside words too.
            let names = |line: &str| {
                let line = line.to_lowercase();
                if *vendor == "ecs" { says(&line, vendor) } else { line.contains(vendor) }
            };
            for line in lines_with(&file.code, names) {
                match VENDOR_EXCEPTIONS.iter().position(|(path, word, _)| *path == file.path && word == vendor) {
                    Some(exception) => drop(used.insert(exception)),
                    None => broken.push(format!("{}:{line}: names `{vendor}`", file.path)),
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let stale: Vec<_> = VENDOR_EXCEPTIONS.iter().enumerate().filter(|(index, _)| !used.contains(index)).collect();
    assert!(stale.is_empty(), "exceptions that nothing needs: {stale:#?}");
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|file| file.lines > MOST_LINES && !LONG.iter().any(|(path, _)| *path == file.path))
        .map(|file| format!("{}: {} lines", file.path, file.lines))
        .collect();
    assert!(long.is_empty(), "longer than {MOST_LINES} lines:\n{}", long.join("\n"));
    let short: Vec<_> = LONG
        .iter()
        .filter(|(path, _)| !sources().iter().any(|file| file.path == *path && file.lines > MOST_LINES))
        .collect();
    assert!(short.is_empty(), "exceptions that nothing needs: {short:#?}");
}

#[test]
fn words_are_found() {
    assert!(says("    print!(\"a\");", "print!") && says("std::println!()", "println!"));
    assert!(!says("eprint!()", "print!") && !says("fn print(a: &str) {}", "print!"));
    assert!(says("a(\"ecs/DeleteImage\")", "ecs") && !says("specs", "ecs") && !says("ecs_id", "ecs"));
}

#[test]
fn imports_are_found() {
    let found = |code: &str| imports(&code_of(code)).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(found("use crate::value::Atom;"), ["value"]);
    assert_eq!(found("pub(crate) use crate::{\n    spec::{Kind, model},\n    wire as other,\n};"), ["spec", "wire"]);
    assert_eq!(found("fn f(a: crate::model::State) { crate::wire::g() }"), ["model", "wire"]);
    assert_eq!(found("// use crate::mock;\n/* crate::mock */ let a = \"crate::mock // no\";"), [""; 0]);
    assert_eq!(found("let a = '\"'; use crate::oracle::Finding;"), ["oracle"]);
    assert_eq!(found("macro_rules! m { () => { $crate::spec::x() } }"), ["spec"]);
    assert_eq!(found("fn f() {}\n#[cfg(test)]\nmod tests { use crate::mock::Mock; }"), [""; 0]);
}

/// A source file without its comments and unit tests.
struct Source {
    path: String,
    code: String,
    lines: usize,
}

impl Source {
    /// The first folder or file below `src`.
    fn module(&self) -> &str {
        let inner = self.path.trim_start_matches("src/");
        inner.split(['/', '.']).next().unwrap_or(inner)
    }
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(Path::new("src"), &mut paths);
    paths.sort();
    paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a readable source");
            let lines = text.lines().count();
            Source { path: path.to_string_lossy().replace('\\', "/"), code: code_of(&text), lines }
        })
        .collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() { walk(&path, paths) } else { paths.push(path) }
    }
}

fn at_home(path: &str, homes: &[&str]) -> bool {
    homes.iter().any(|home| path.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Numbers of the lines that satisfy a condition, counted from 1.
fn lines_with<'a>(code: &'a str, says: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = usize> + 'a {
    code.lines().enumerate().filter(move |(_, line)| says(line)).map(|(index, _)| index + 1)
}

/// The line has the word, not as part of a longer one.
fn says(line: &str, word: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        let rest = &line[at + word.len()..];
        !line[..at].ends_with(inner) && (word.ends_with('!') || !rest.starts_with(inner))
    })
}

/// The text with comments blanked out, up to the unit tests at its end; lines keep their numbers.
fn code_of(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let piece =
        regex_lite::Regex::new(r##"(?s)(//[^\n]*|/\*.*?\*/)|r#".*?"#|"(?:[^"\\]|\\.)*"|'(?:[^'\\\n]|\\[^\n]{1,9}?)'"##)
            .expect("a regular expression");
    let blank = |found: &regex_lite::Captures<'_>| match found.get(1) {
        Some(comment) => "\n".repeat(comment.as_str().matches('\n').count()),
        None => found[0].to_owned(),
    };
    piece.replace_all(text, blank).into_owned()
}

/// Modules named after `crate::`, with their lines: in `use`, in groups, and in the middle of code.
fn imports(code: &str) -> Vec<(usize, String)> {
    let texts = regex_lite::Regex::new(r#"(?s)"(?:[^"\\]|\\.)*""#).expect("a regular expression");
    let code = texts.replace_all(code, |found: &regex_lite::Captures<'_>| "\n".repeat(found[0].matches('\n').count()));
    let mut found = Vec::new();
    for (at, mark) in code.match_indices("crate::") {
        let line = 1 + code[..at].matches('\n').count();
        let rest = code[at + mark.len()..].trim_start();
        let names = match rest.strip_prefix('{') {
            Some(group) => heads(group),
            None => vec![head(rest)],
        };
        found.extend(names.into_iter().map(|name| (line, name)));
    }
    found
}

/// First names of the parts of a group, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut starts = vec![0];
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts.push(at + 1),
            _ => {}
        }
    }
    starts.into_iter().map(|start| head(group[start..].trim_start())).filter(|name| !name.is_empty()).collect()
}

fn head(path: &str) -> String {
    path.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
}
