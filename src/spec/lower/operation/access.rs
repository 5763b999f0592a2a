//! Who is refused whatever they ask, as the service says.

use super::Lowering;
use crate::{
    spec::{
        expression::{Comparison, Expr},
        operation::Row,
        requirement::{Kind, Requirement},
    },
    value::Atom,
};

impl Lowering<'_> {
    /// What the service refuses whatever is asked, as a requirement of this operation.
    pub(super) fn access(&mut self) {
        if !self.operation.is_documented() {
            return;
        }
        for access in &self.service.access {
            let name = access.caller.name();
            self.operation.requirements.push(Requirement {
                id: format!("{}/access/{name}", self.operation.id),
                kind: Kind::Access,
                level: access.level,
                text: access.text.clone(),
                document: Some(access.document.clone()),
                source: access.source.clone(),
                span: access.span.clone(),
                unreachable: None,
                overlap: false,
            });
            let called_so = Box::new(Expr::Constant(Atom::text(name)));
            self.operation.rows.push(Row {
                key: format!("access/{name}"),
                codes: access.codes.clone(),
                status: access.status,
                message: access.message.clone(),
                text: access.text.clone(),
                due: Some(Expr::Compare(Comparison::Equal, Box::new(Expr::Caller), called_so)),
                may: None,
                each: Vec::new(),
                may_each: Vec::new(),
                requirement: Some(self.operation.requirements.len() - 1),
                overlap: false,
                access: true,
                otherwise: false,
                unprovokable: false,
                documented: false,
                span: access.span.clone(),
            });
        }
    }
}
