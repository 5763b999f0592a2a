//! A small service to test the model, and what judges by it, with.

use std::sync::Arc;

use serde_json::Value;

use super::{Caller, Request, State};
use crate::spec::{SpecSet, load::assemble, service::OpRef, source::SourceFile};

/// Its documented operation.
pub const DELETE: OpRef = OpRef { service: 0, operation: 0 };
/// What shows its images.
pub const LIST: OpRef = OpRef { service: 0, operation: 1 };

const LISTING: &str = r#"
operation = { name = "List", role = "companion", summary = "Lists images.", document = { title = "List" } }

[[param]]
name = "ImageIds"
type = "texts"
names = "image"

[[view]]
of = "image"
list = "Images"
id = "ImageId"
"#;

/// The service; its documented operation has these tables as well.
pub fn shop(tables: &str) -> SpecSet {
    shop_with("", tables)
}

/// The same with tables of the service.
pub fn shop_with(more: &str, tables: &str) -> SpecSet {
    let delete = include_str!("../../tests/diagnostics/good/Delete.toml").replace("companion", "documented");
    let file = |path: &str, text: &str| Arc::new(SourceFile { path: path.into(), text: text.into() });
    let service = include_str!("../../tests/diagnostics/good/service.toml");
    let service = file("shop/service.toml", &format!("{service}\n{more}\n"));
    let delete = file("shop/Delete.toml", &format!("{delete}\n{tables}\n"));
    assemble(vec![service, delete, file("shop/List.toml", LISTING)]).expect("it is sound")
}

/// A parameter of the operation.
pub fn param(name: &str, kind: &str, more: &str) -> String {
    format!("[[param]]\nname = \"{name}\"\ntype = \"{kind}\"\nsource = \"Request\"\n{more}\n")
}

/// An error row of the operation.
pub fn row(code: &str, when: &str) -> String {
    format!("[[error]]\ncode = \"{code}\"\nmessage = \"No.\"\ntext = \"No.\"\nwhen = \"{when}\"\nsource = \"Errors\"\n")
}

/// An open question of the operation that a refusal depends on which no call earns.
pub fn question(id: &str, answers: &[&str]) -> String {
    let list = answers.iter().map(|answer| format!("{{ id = \"{answer}\", source = \"Text\" }}"));
    let asked = format!("[[open]]\nid = \"{id}\"\nquestion = \"Which?\"\nsource = \"Text\"\n");
    let refusal = format!("[[refusal]]\nwhen = \"{id} is {} and false\"\ncodes = [\"Never\"]\n", answers[0]);
    format!("{asked}answers = [{}]\n{refusal}", list.collect::<Vec<_>>().join(", "))
}

/// A promise of the operation's prose.
pub fn promise(id: &str, expect: &str, when: &str) -> String {
    let text = format!("[[promise]]\nid = \"{id}\"\ntext = \"So.\"\nsource = \"Text\"\n");
    format!("{text}expect = \"{expect}\"\nwhen = \"{when}\"\n")
}

/// A call about no image that exists, with the other arguments, on the service as it is at first.
pub fn call(set: &SpecSet, others: &[Option<Value>], caller: Caller) -> (State, Request) {
    let home = Arc::from("here");
    let arguments = std::iter::once(Some("img-abcd".into())).chain(others.iter().cloned()).collect();
    (State::initial(set.service(DELETE), &home), Request::new(set, DELETE, arguments, caller, Vec::new(), &home))
}
