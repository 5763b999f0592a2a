//! The shipped specs: they follow the schema, name their sources, and say what the documents print.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use aswritten::spec::{
    Kind, Operation, SpecSet,
    diagnostic::Diagnostic,
    embedded,
    load::{LoadError, assemble, from_folder},
    operation::Law,
    schema::schema,
    source::SourceFile,
};
use serde_json::Value;

/// Code, status and message of a documented error row.
type Row = (&'static str, Option<u16>, &'static str);

fn specs() -> SpecSet {
    match embedded() {
        Ok(set) => set,
        Err(LoadError::Problems(problems)) => {
            let lines: Vec<String> = problems
                .iter()
                .map(|problem| {
                    let place = problem.span.as_ref().map(ToString::to_string).unwrap_or_default();
                    format!("{place} [{}] {} ({})", problem.code, problem.message, problem.help)
                })
                .collect();
            panic!("the shipped specs have {} problems:\n{}", lines.len(), lines.join("\n"));
        }
        Err(error) => panic!("the shipped specs do not load: {error}"),
    }
}

fn documented(set: &SpecSet) -> Vec<&Operation> {
    set.operations().map(|(_, operation)| operation).filter(|operation| operation.is_documented()).collect()
}

#[test]
fn the_schema_is_current() {
    let stored = fs::read_to_string("specs/schema.json").unwrap_or_default().replace("\r\n", "\n");
    assert!(stored == schema(), "specs/schema.json is stale; run: aswritten spec schema > specs/schema.json");
}

#[test]
fn every_file_follows_the_schema() {
    let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
    jsonschema::meta::validate(&schema).expect("the schema is a schema");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let mut paths = Vec::new();
    toml_files(Path::new("specs"), &mut paths);
    assert!(paths.len() > 1, "found only {paths:?}");
    let mut problems = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a readable spec");
        let value: Value = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let errors = validator.iter_errors(&value);
        problems.extend(errors.map(|error| format!("{} at {}: {error}", path.display(), error.instance_path())));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_requirement_has_a_text_and_a_source() {
    let set = specs();
    let bare: Vec<&str> = set
        .requirements()
        .map(|(_, _, requirement)| requirement)
        .filter(|requirement| requirement.text.trim().is_empty() || requirement.source.trim().is_empty())
        .map(|requirement| requirement.id.as_str())
        .collect();
    assert!(bare.is_empty(), "without a text or a source: {bare:#?}");
}

#[test]
fn requirements_have_ids_of_their_own() {
    let set = specs();
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> =
        set.requirements().map(|(_, _, requirement)| requirement.id.as_str()).filter(|id| !seen.insert(*id)).collect();
    assert!(twice.is_empty(), "used twice: {twice:#?}");
}

#[test]
fn documented_operations_say_something() {
    let set = specs();
    let found = documented(&set);
    assert!(found.iter().any(|operation| operation.id == "ecs/DeleteImage"), "ecs/DeleteImage is not documented");
    for operation in found {
        let promises = operation.requirements.iter().filter(|found| found.kind == Kind::Promise).count();
        // Four promises hold for every operation; the document adds its own.
        let basics = usize::from(operation.basics.is_some()) * 4;
        assert!(operation.rows.iter().any(|row| row.documented), "{} has no error row", operation.id);
        assert!(promises > basics, "{} has no promise of its own", operation.id);
        assert!(!operation.document.title.is_empty(), "{} has no document", operation.id);
    }
}

#[test]
fn error_rows_are_those_of_the_documents() {
    let set = specs();
    for (id, printed) in TABLES {
        let at = set.find(id).unwrap_or_else(|| panic!("{id} is not specified"));
        let rows: Vec<_> = set
            .operation(at)
            .rows
            .iter()
            .filter(|row| row.documented)
            .map(|row| (row.key.as_str(), row.status, row.message.as_str()))
            .collect();
        assert_eq!(rows, *printed, "{id}");
    }
    let untold: Vec<_> = documented(&set)
        .iter()
        .map(|operation| operation.id.clone())
        .filter(|id| !TABLES.iter().any(|(told, _)| told == id))
        .collect();
    assert!(untold.is_empty(), "without a table here: {untold:?}");
}

const TABLES: &[(&str, &[Row])] = &[
    (
        "ecs/DeleteImage",
        &[
            (
                "ImageUsingByInstance",
                Some(403),
                "The specified image has been used to create instances. You can use the DescribeInstances API to query these \
                 instances, or you can use the force parameter to proceed.",
            ),
            (
                "ImageUseShared",
                Some(403),
                "The specified image has been shared to others. You can use the DescribeImageSharePermission API to query the \
                 users who have been shared.",
            ),
            (
                "OperationDenied.ImageCopying",
                Some(403),
                "The image is being copied. Please use the CancelCopyImage API.",
            ),
            ("ImageIsImporting", Some(403), "The specified Image is importing."),
            (
                "ImageIsExporting",
                Some(403),
                "The specified image is currently being exported. You can use the DescribeTasks API to check the status of \
                 related tasks and cancel them if needed.",
            ),
            ("ImageIsPublic", Some(403), "You can not delete public image, please modify it to private."),
            ("InvalidImageId.NotFound", Some(404), "The specified ImageId does not exist."),
        ],
    ),
    (
        "ecs/DeleteImage@legacy",
        &[
            ("ImageUsingByInstance", Some(403), "The specified image has been used to create instances."),
            ("ImageUseShared", Some(403), "The specified image has been shared to others."),
            ("OperationDenied.ImageCopying", Some(403), "The Image is coping."),
            ("ImageIsImporting", Some(403), "The specified Image is importing."),
            ("ImageIsExporting", Some(403), "The specified Image is exporting. Please cancel task first."),
            ("InvalidImageId.NotFound", Some(404), "The specified ImageId does not exist."),
        ],
    ),
    (
        "ens/DeleteImage",
        &[
            (
                "MissingParameter",
                Some(400),
                "The input parameters that is mandatory for processing this request is not supplied.",
            ),
            ("NoPermission", Some(400), "Permission denied."),
            ("Forbidden.DelerrorteImage", Some(400), "The image cannot be deleted when used by instance."),
            ("Error.DeleteImage", Some(400), "The image cannot be deleted when used by instance."),
            ("IncorrectStatus.Image", Some(400), "The current status of the image does not support this operation."),
            ("InvalidParameter.%s", Some(400), "The specified field %s invalid. Please check it again."),
        ],
    ),
    (
        "swas/DeleteCustomImages",
        &[
            ("CustomImageInShare", Some(400), "The custom image is in sharing,please unshare first then to retry."),
            ("InternalError", Some(500), "An error occurred while processing your request."),
            ("InvalidImageId.NotFound", Some(404), "The specified ImageId does not exist."),
        ],
    ),
    (
        "cvm/DeleteImages",
        &[
            ("InvalidImageId.InShared", None, "The image is being shared."),
            ("InvalidImageId.IncorrectState", None, "Invalid image status."),
            ("InvalidImageId.Malformed", None, "Invalid image ID format."),
            ("InvalidImageId.NotFound", None, "The image cannot be found."),
            ("InvalidParameterValue.InvalidImageId", None, "The image does not support this operation."),
            ("InvalidParameterValue.LimitExceeded", None, "The number of parameter values exceeds the limit."),
            ("MutexOperation.TaskRunning", None, "An identical job is running."),
        ],
    ),
];

/// A small service with one operation: other words for its patience, and more tables of the operation.
fn small(service: &str, operation: &str) -> SpecSet {
    let patience = if service.is_empty() { "patience = \"10m\"" } else { service };
    let good_service = include_str!("diagnostics/good/service.toml").replacen("patience = \"10m\"", patience, 1);
    let good = include_str!("diagnostics/good/Delete.toml").replace("companion", "documented");
    let file = |path: &str, text: String| Arc::new(SourceFile { path: path.into(), text });
    let files =
        vec![file("shop/service.toml", good_service), file("shop/Delete.toml", format!("{good}\n{operation}\n"))];
    let messages = |problem: Diagnostic| format!("{}: {}", problem.code, problem.message);
    assemble(files).unwrap_or_else(|problems| {
        panic!("{service}\n{operation}\n{:?}", problems.into_iter().map(messages).collect::<Vec<_>>())
    })
}

/// Every word of the language stands for what it says, not for another one.
#[test]
fn words_mean_what_they_say() {
    let check = |service: &str, operation: &str, shown: &dyn Fn(&SpecSet) -> String, expected: &str| {
        assert_eq!(shown(&small(service, operation)), expected, "{service} {operation}");
    };
    let patience = |set: &SpecSet| set.services[0].patience_ms.to_string();
    for (text, ms) in [("500ms", "500"), ("30s", "30000"), ("1.5m", "90000"), ("2h", "7200000"), ("0s", "0")] {
        check(&format!("patience = \"{text}\""), "", &patience, ms);
    }
    let region = |set: &SpecSet| format!("{:?}", set.services[0].region);
    for (text, travel) in [("header", "Header"), ("none", "None"), ("parameter", "Parameter")] {
        check(&format!("patience = \"10m\", region = \"{text}\""), "", &region, travel);
    }
    let field = |set: &SpecSet| set.services[0].operations[0].fields[0].kind.name().to_owned();
    for kind in ["text", "integer", "boolean", "list", "object"] {
        let entry = format!("[[field]]\nname = \"Out\"\ntype = \"{kind}\"\nsource = \"Response\"");
        check("", &entry, &field, kind);
    }
    let param = |set: &SpecSet| {
        let param = &set.services[0].operations[0].params[1];
        format!("{:?} {:?}", param.kind, param.spelling)
    };
    let words = [
        ("text", "", "Text Native"),
        ("integer", "", "Integer Native"),
        ("boolean", "", "Boolean Native"),
        ("texts", "", "Texts Native"),
        ("texts", "json", "Texts Json"),
        ("texts", "comma", "Texts Comma"),
        ("objects", "", "Objects Native"),
    ];
    for (kind, spelling, expected) in words {
        let spelling = if spelling.is_empty() { String::new() } else { format!("spelling = \"{spelling}\"") };
        let entry = format!("[[param]]\nname = \"More\"\ntype = \"{kind}\"\nsource = \"Request\"\n{spelling}");
        check("", &entry, &param, expected);
    }
    let level = |set: &SpecSet| {
        let found = set.services[0].operations[0].requirements.iter().find(|one| one.id.ends_with("error/Gone"));
        found.map_or_else(String::new, |one| format!("{} {}", one.kind, one.level))
    };
    for (text, expected) in [("level = \"should\"", "should"), ("level = \"must\"", "must"), ("", "must")] {
        let row = "[[error]]\ncode = \"Gone\"\nmessage = \"Gone.\"\ntext = \"It is gone.\"\nwhen = \"missing(ImageId)\"\nsource = \"Errors\"";
        check("", &format!("{row}\n{text}"), &level, &format!("error {expected}"));
    }
}

/// A limit that a caller may be spared is no must by itself; every other one is, unless it says otherwise.
#[test]
fn limits_have_levels_of_their_own() {
    for (keys, expected) in [
        ("required = true", "required should"),
        ("required = true\nlevel = \"must\"", "required must"),
        ("max_length = 3", "max_length must"),
        ("max_length = 3\nlevel = \"should\"", "max_length should"),
    ] {
        let set = small("", &format!("[[param]]\nname = \"More\"\ntype = \"text\"\nsource = \"Request\"\n{keys}"));
        let requirements = &set.services[0].operations[0].requirements;
        let found = requirements.iter().find_map(|one| {
            let limit = one.id.strip_prefix("shop/Delete/param/More/")?;
            Some(format!("{limit} {}", one.level))
        });
        assert_eq!(found.as_deref(), Some(expected), "{keys}");
    }
}

/// What is called without a word of how is called as it stands; what is documented is called by what its document says.
#[test]
fn companions_can_be_called() {
    let uses = |set: &SpecSet| {
        let list = set.services[0].operations[0].uses.iter().map(|found| found.id.clone());
        list.collect::<Vec<_>>()
    };
    assert!(uses(&small("", "")).is_empty());
    let service = include_str!("diagnostics/good/service.toml");
    let companion = include_str!("diagnostics/good/Delete.toml");
    let given = "[[use]]\nid = \"plain\"\n";
    for (more, expected) in [("", ["default"]), (given, ["plain"])] {
        let file = |path: &str, text: String| Arc::new(SourceFile { path: path.into(), text });
        let files = vec![
            file("shop/service.toml", service.to_owned()),
            file("shop/Delete.toml", format!("{companion}\n{more}\n")),
        ];
        assert_eq!(uses(&assemble(files).expect("it is sound")), expected);
    }
}

/// Files of the vendors' own tools are read as their documents have them.
#[test]
fn credential_files_are_described() {
    let set = specs();
    let service = set.services.iter().find(|service| service.name == "ecs").expect("it is specified");
    let files = &service.credential_files;
    let found: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.is_ini, file.id.as_str())).collect();
    assert_eq!(
        found,
        [("~/.aliyun/config.json", false, "access_key_id"), ("~/.alibabacloud/credentials.ini", true, "access_key_id"),]
    );
    let [json, ini] = &files[..] else { panic!("there are two") };
    assert_eq!((json.profiles.as_deref(), json.name.as_deref()), (Some("profiles"), Some("name")));
    assert_eq!((json.modes.join(" "), ini.modes.join(" ")), ("AK StsToken".into(), "access_key sts".into()));
    assert_eq!(ini.path_variable.as_deref(), Some("ALIBABA_CLOUD_CREDENTIALS_FILE"));
}

/// Conditions say which parts of a call and of the endpoint they depend on, through every kind of expression.
#[test]
fn conditions_know_what_they_depend_on() {
    let check = |when: &str, expected: (&[usize], &[usize], &[usize], bool)| {
        let operation = format!(
            "[[param]]\nname = \"Force\"\ntype = \"text\"\nsource = \"Request\"\n\
             [[open]]\nid = \"which-one\"\nquestion = \"Which?\"\nsource = \"Errors\"\nanswers = [\
             {{ id = \"one\", text = \"One.\", source = \"A\" }}, {{ id = \"other\", text = \"Other.\", source = \"B\" }}]\n\
             [[refusal]]\nwhen = \"which-one is one and missing(Force)\"\ncodes = [\"Any\"]\n\
             [[error]]\ncode = \"Gone\"\nmessage = \"Gone.\"\ntext = \"It is gone.\"\nwhen = \"{when}\"\nsource = \"Errors\""
        );
        let set = small("", &operation);
        let rows = &set.services[0].operations[0].rows;
        let due = rows.iter().find(|row| row.key == "Gone").and_then(|row| row.due.as_ref()).expect("it is a row");
        let (params, questions, bindings) = (due.params(), due.questions(), due.bindings(1));
        assert_eq!((&params[..], &questions[..], &bindings[..], due.asks_who_calls()), expected, "{when}");
    };
    check("Force == 'a'", (&[1], &[], &[], false));
    check("not (Force == 'a')", (&[1], &[], &[], false));
    check("Force == 'a' or Force == 'b'", (&[1], &[], &[], false));
    check("missing(ImageId) and Force in ('a', 'b')", (&[0, 1], &[], &[], false));
    check("which-one is one or which-one is other", (&[], &[0], &[], false));
    check("caller == 'main' and missing(Force)", (&[1], &[], &[], true));
    check("any(image: Force == 'a')", (&[1], &[], &[], false));
    check("contains(Force, 'a') and not (which-one is one)", (&[1], &[0], &[], false));
}

/// What a document says of overlapping calls, and which operations change anything.
#[test]
fn operations_know_their_laws() {
    let set = specs();
    let check = |id: &str, law: Law, expected: &str| {
        let operation = set.operation(set.find(id).expect("it is specified"));
        let found = operation.law(law).map_or("", |requirement| &*operation.requirements[requirement].id);
        assert_eq!(found, expected, "{id} {law:?}");
    };
    check("cvm/DeleteImages", Law::Once, "cvm/DeleteImages/overlap/once");
    check("cvm/DeleteImages", Law::Batch, "cvm/DeleteImages/overlap/batch");
    check("cvm/DeleteImages", Law::Token, "");
    check("ecs/DescribeImages", Law::Once, "");
    for (id, changes) in [("ecs/DeleteImage", true), ("ecs/CreateImage", true), ("ecs/DescribeImages", false)] {
        assert_eq!(set.operation(set.find(id).expect("it is specified")).changes(), changes, "{id}");
    }
}

/// A folder with the shipped files is what is shipped; what has no service is no folder of specs.
#[test]
fn folders_are_read() {
    let shipped = from_folder(Path::new("specs")).expect("it is shipped");
    assert_eq!(shipped.digest, specs().digest);
    assert_eq!(shipped.digest.len(), 64);
    assert_ne!(shipped.digest, small("", "").digest);
    assert!(shipped.operations().map(|(_, one)| &one.id).eq(specs().operations().map(|(_, one)| &one.id)));
    assert!(matches!(from_folder(Path::new("src")), Err(LoadError::Empty(_))));
    assert!(matches!(from_folder(Path::new("nowhere")), Err(LoadError::Read { .. })));
}

fn toml_files(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            toml_files(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            paths.push(path);
        }
    }
}
