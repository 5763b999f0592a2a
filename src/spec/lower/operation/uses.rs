//! Ways to call a companion.

use super::super::{check_arguments, check_places};
use super::Lowering;
use crate::spec::{operation::Use, reading::Data};

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
            self.operation.uses.push(Use {
                id: entry.text("id"),
                arguments,
                when,
                read: entry.flag("read"),
                weight: entry.integer("weight").map_or(5, |weight| weight.clamp(0, 10) as u32),
            });
        }
        if self.operation.uses.is_empty() && !self.operation.is_documented() {
            self.operation.uses.push(Use {
                id: "default".into(),
                arguments: Vec::new(),
                when: None,
                read: false,
                weight: 5,
            });
        }
    }
}
