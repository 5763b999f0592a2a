//! Ways to call a companion.

use super::super::{check_arguments, check_places, resolve};
use super::Lowering;
use crate::spec::{
    operation::{Paging, Use},
    reading::{Data, Entry},
};

impl Lowering<'_> {
    pub(super) fn uses(&mut self) {
        for entry in self.file.tables("use") {
            check_arguments(entry, &self.operation, self.problems);
            let mut arguments = Vec::new();
            if let Some(table) = entry.table("arguments") {
                let bindings: Vec<&str> = self.operation.bindings.iter().map(|binding| binding.name.as_str()).collect();
                for (name, item) in table.items() {
                    if let (Some(param), Data::Any(value)) = (self.operation.param(name), &item.data) {
                        check_places(value, &item.span, self.service, &bindings, self.problems);
                        arguments.push((param, value.clone()));
                    }
                }
            }
            let when = self.condition(entry, "when");
            if self.operation.uses.iter().any(|known| known.id == entry.text("id")) {
                self.duplicate(entry, &format!("use `{}`", entry.text("id")));
                continue;
            }
            let list = entry.flag("list").then(|| self.paging(entry));
            self.operation.uses.push(Use {
                id: entry.text("id"),
                arguments,
                when,
                read: entry.flag("read"),
                list,
                weight: entry.integer("weight").map_or(5, |weight| weight.clamp(0, 10) as u32),
            });
        }
        if self.operation.uses.is_empty() && !self.operation.is_documented() {
            self.operation.uses.push(Use {
                id: "default".into(),
                arguments: Vec::new(),
                when: None,
                read: false,
                list: None,
                weight: 5,
            });
        }
    }

    fn paging(&mut self, entry: &Entry) -> Paging {
        for (key, paging) in [("page", Paging::Page as fn(usize) -> Paging), ("offset", Paging::Offset)] {
            let Some(word) = entry.word(key) else { continue };
            let params = &self.operation.params;
            let found = resolve(&word, params, |param| &param.name, "parameter", self.problems);
            return found.map_or(Paging::None, |(param, _)| paging(param));
        }
        Paging::None
    }
}
