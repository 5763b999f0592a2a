//! Operators: each makes mutants of any operation, by one idea of what can go wrong.
//!
//! A new operator is a function from a [`Subject`] to [`Draft`]s, and a line in [`OPERATORS`].

mod access;
mod answers;
mod arguments;
mod batches;
mod conditions;
mod effects;
mod fields;
mod overlaps;
mod overrides;
mod questions;
mod reads;
mod regions;
mod time;
mod tokens;
mod wire;

use std::sync::Arc;

use super::{Bug, condition, fault::shared};
use crate::{
    mock::fault::{Fault, Situation},
    model::State,
    spec::{
        Kind, Operation, Service, SpecSet,
        expression::Expr,
        operation::{Basics, Code, Expectation, Promise, Row},
        service::OpRef,
    },
};

/// One idea of what can go wrong.
pub struct Operator {
    /// Part of the ids of its mutants.
    pub name: &'static str,
    /// What its mutants do, in a phrase.
    pub about: &'static str,
    pub(super) derive: fn(&Subject<'_>) -> Vec<Draft>,
}

/// Every operator, in the order of reports.
pub static OPERATORS: &[Operator] = &[
    Operator { name: "drop-condition", about: "never refuses for one of the reasons", derive: conditions::drop },
    Operator { name: "drop-case", about: "overlooks one of the cases of a reason", derive: conditions::drop_case },
    Operator { name: "drop-guard", about: "refuses more than a reason says", derive: conditions::drop_guard },
    Operator { name: "off-by-one", about: "counts one too many or too few", derive: conditions::off_by_one },
    Operator { name: "drop-override", about: "ignores what lifts refusals", derive: overrides::drop },
    Operator { name: "always-override", about: "lifts refusals unasked", derive: overrides::always },
    Operator { name: "widen-override", about: "lifts a refusal too many", derive: overrides::widen },
    Operator { name: "other-code", about: "answers the code of another reason", derive: answers::other_code },
    Operator {
        name: "undocumented-code",
        about: "answers a code that no document knows",
        derive: answers::undocumented,
    },
    Operator { name: "other-status", about: "answers another status", derive: answers::other_status },
    Operator { name: "failure-instead", about: "fails where a documented error is due", derive: answers::failure },
    Operator { name: "refuse-success", about: "refuses what nothing forbids", derive: answers::refuse_success },
    Operator { name: "fail-success", about: "does it, and answers a failure", derive: answers::fail_success },
    Operator { name: "missing-field", about: "leaves out a field", derive: fields::missing },
    Operator { name: "wrong-type", about: "gives a field another type", derive: fields::wrong_type },
    Operator { name: "empty-field", about: "leaves a field empty", derive: fields::empty },
    Operator { name: "constant-field", about: "gives each answer the same value", derive: fields::constant },
    Operator { name: "other-value", about: "gives a field another value than documented", derive: fields::other_value },
    Operator { name: "no-effect", about: "does nothing, and says it is done", derive: effects::none },
    Operator { name: "effect-on-refusal", about: "does it although it refuses", derive: effects::on_refusal },
    Operator {
        name: "change-on-refusal",
        about: "changes something although it refuses",
        derive: effects::change_on_refusal,
    },
    Operator { name: "change-on-dry-run", about: "does it in a dry run", derive: effects::on_dry_run },
    Operator { name: "delete-neighbour", about: "deletes something else as well", derive: effects::neighbour },
    Operator { name: "delete-other", about: "deletes something else instead", derive: effects::other },
    Operator { name: "change-neighbour", about: "changes something else as well", derive: effects::change_neighbour },
    Operator { name: "effect-case", about: "does it in fewer or more cases", derive: effects::edited },
    Operator { name: "half-batch", about: "does part of a batch and says it is done", derive: batches::half_done },
    Operator { name: "half-refused-batch", about: "does part of a refused batch", derive: batches::half_refused },
    Operator { name: "one-of-batch", about: "looks at one id of a batch only", derive: batches::one_judged },
    Operator {
        name: "overlook-in-batch",
        about: "looks at one id of a batch only, for one reason to refuse",
        derive: batches::overlook,
    },
    Operator { name: "accept-argument", about: "accepts what a limit forbids", derive: arguments::accept },
    Operator { name: "refuse-argument", about: "refuses what a limit allows", derive: arguments::refuse },
    Operator { name: "wrong-default", about: "has another default", derive: arguments::wrong_default },
    Operator { name: "ignore-argument", about: "takes no notice of a parameter", derive: arguments::ignore },
    Operator { name: "forget-token", about: "forgets idempotency tokens", derive: tokens::forget },
    Operator {
        name: "forget-some-tokens",
        about: "forgets every second idempotency token",
        derive: tokens::forget_some,
    },
    Operator { name: "replay-any", about: "takes a token for used whatever else is asked", derive: tokens::replay_any },
    Operator {
        name: "repeat-on-replay",
        about: "does something again when a token is repeated",
        derive: tokens::repeat,
    },
    Operator { name: "never-done", about: "never does what it announced", derive: time::never },
    Operator { name: "done-late", about: "does what it announced too late", derive: time::late },
    Operator { name: "come-back", about: "brings back what was deleted", derive: time::come_back },
    Operator { name: "go-later", about: "refuses, and does it some time later", derive: time::go_later },
    Operator { name: "leak-region", about: "reaches into other regions", derive: regions::leak },
    Operator { name: "ignore-region", about: "works in the home region whatever is asked", derive: regions::ignore },
    Operator { name: "accept-region", about: "accepts regions that do not exist", derive: regions::accept },
    Operator { name: "hide-after-refusal", about: "hides from reads what it refused to delete", derive: reads::hide },
    Operator { name: "show-after-deletion", about: "shows in reads what is deleted", derive: reads::show },
    Operator { name: "lie-after-refusal", about: "describes what it refused to delete wrongly", derive: reads::lie },
    Operator { name: "hide-neighbour", about: "hides from reads what it did not touch", derive: reads::hide_neighbour },
    Operator {
        name: "change-of-mind",
        about: "answers an open question now one way, now another",
        derive: questions::change,
    },
    Operator { name: "change-of-order", about: "prefers now one code, now another", derive: questions::order },
    Operator { name: "skip-check", about: "lets a caller pass that it has to turn away", derive: access::skip },
    Operator { name: "wrong-envelope", about: "wraps errors otherwise", derive: wire::envelope },
    Operator {
        name: "wrong-http-status",
        about: "sends errors with a status that they do not have",
        derive: wire::status,
    },
    Operator { name: "broken-answer", about: "sends a success that cannot be read", derive: wire::broken },
    Operator {
        name: "check-then-act",
        about: "acts on what it saw before another call came",
        derive: overlaps::check_then_act,
    },
    Operator {
        name: "answer-early",
        about: "promises what another call then prevents",
        derive: overlaps::answer_early,
    },
    Operator { name: "lost-update", about: "undoes what overlapping calls did", derive: overlaps::lost_update },
    Operator {
        name: "double-success",
        about: "tells overlapping calls on one resource that all is well",
        derive: overlaps::double_success,
    },
    Operator { name: "late-token", about: "sees a token too late", derive: overlaps::late_token },
    Operator {
        name: "item-by-item",
        about: "does part of a batch before another call comes",
        derive: overlaps::item_by_item,
    },
    Operator {
        name: "leave-to-other",
        about: "does only what no overlapping call names as well",
        derive: overlaps::leave_to_other,
    },
    Operator {
        name: "stale-read",
        about: "shows what was seen to be gone, when calls overlap",
        derive: overlaps::stale_read,
    },
    Operator {
        name: "exclude-all",
        about: "takes work on something else for work on the same",
        derive: overlaps::exclude_all,
    },
    Operator {
        name: "exclude-and-do",
        about: "refuses overlapping work, and does it",
        derive: overlaps::exclude_and_do,
    },
    Operator { name: "forget-second", about: "does only one of two overlapping calls", derive: overlaps::forget },
    Operator {
        name: "mixed-up-answers",
        about: "answers overlapping calls with each other's answers",
        derive: overlaps::mixed_up,
    },
];

/// An operator's proposal.
pub struct Draft {
    /// Last part of the id.
    pub local: String,
    /// Index of the requirement that it breaks.
    pub breaks: usize,
    pub text: String,
    pub bug: Bug,
}

impl Draft {
    /// The mock reads a spec in which the operation is otherwise.
    fn rewrite(
        local: impl Into<String>,
        breaks: usize,
        text: impl Into<String>,
        rewrite: impl Fn(&mut Operation) + Send + Sync + 'static,
    ) -> Self {
        Self::rewrite_for(local, breaks, text, rewrite, |_, _| true)
    }

    /// The same, where a call of some sort comes.
    fn rewrite_for(
        local: impl Into<String>,
        breaks: usize,
        text: impl Into<String>,
        rewrite: impl Fn(&mut Operation) + Send + Sync + 'static,
        concerns: impl Fn(&Situation<'_>, &State) -> bool + Send + Sync + 'static,
    ) -> Self {
        let whole = move |service: &mut Service, operation: usize| rewrite(&mut service.operations[operation]);
        let bug = Bug::Rewrite(Arc::new(whole), Arc::new(concerns));
        Self { local: local.into(), breaks, text: text.into(), bug }
    }

    /// The mock has a fault, made afresh each time.
    fn behaviour<F: Fault + 'static>(
        local: impl Into<String>,
        breaks: usize,
        text: impl Into<String>,
        make: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        let bug = Bug::Behaviour(Arc::new(move || shared(make())));
        Self { local: local.into(), breaks, text: text.into(), bug }
    }
}

/// The operation that mutants are made of.
pub struct Subject<'a> {
    pub set: &'a SpecSet,
    pub at: OpRef,
    pub service: &'a Service,
    pub operation: &'a Operation,
    pub basics: Basics,
}

impl<'a> Subject<'a> {
    pub fn new(set: &'a SpecSet, at: OpRef) -> Self {
        let operation = set.operation(at);
        // Every documented operation has them.
        let basics = operation.basics.unwrap_or(Basics { success: 0, effect: 0, unchanged: 0, others: 0 });
        Self { set, at, service: set.service(at), operation, basics }
    }

    /// What is left of a condition on a mock that answers as usual.
    fn settled(&self, expr: &Expr) -> Expr {
        condition::settled(expr, self.operation)
    }

    fn words(&self, expr: &Expr) -> String {
        condition::words(expr, self.service, self.operation)
    }

    /// Rows that can be due on a mock that answers as usual, with their conditions.
    fn due(&self) -> impl Iterator<Item = (usize, &'a Row, &'a Expr)> + '_ {
        self.operation.rows.iter().enumerate().filter_map(|(index, row)| {
            let due = row.due.as_ref().filter(|_| !row.unprovokable)?;
            (self.settled(due) != condition::NEVER).then_some((index, row, due))
        })
    }

    /// Those of the error table.
    fn documented(&self) -> impl Iterator<Item = (usize, &'a Row, &'a Expr)> + '_ {
        self.due().filter(|(_, row, _)| row.documented && row.requirement.is_some())
    }

    /// The row is the limit of a parameter.
    fn is_limit(&self, row: &Row) -> bool {
        row.requirement.is_some_and(|requirement| self.operation.requirements[requirement].kind == Kind::Param)
    }

    /// Short name of a row: its code, its key, or the first code that it accepts.
    fn row_name(&self, row: &Row) -> String {
        let code = row.codes.first().map(code_name).unwrap_or_default();
        let name = if row.key.is_empty() { code } else { row.key.clone() };
        name.replace('/', ".")
    }

    /// The requirement that is broken where a row is not heeded.
    fn row_requirement(&self, row: &Row) -> usize {
        let asked = || {
            let question = row.due.as_ref()?.questions().into_iter().next()?;
            Some(self.operation.questions[question].requirement)
        };
        row.requirement.or_else(asked).unwrap_or(self.basics.unchanged)
    }

    /// The first promise of that sort whose condition looks at something.
    fn promise_about(&self, expect: &[Expectation], is: impl Fn(&Expr) -> bool) -> Option<usize> {
        let about = |promise: &&Promise| {
            promise.expect.is_some_and(|found| expect.contains(&found))
                && promise.when.as_ref().is_some_and(|when| when.mentions(&is))
        };
        self.operation.promises.iter().find(about).map(|promise| promise.requirement)
    }

    /// The promise that nothing is done where this parameter asks for a dry run.
    fn dry_promise(&self, param: usize) -> Option<usize> {
        let is_dry = self.operation.params[param].dry;
        is_dry.then(|| self.promise_about(&[Expectation::Unchanged, Expectation::Kept], is_about(param))).flatten()
    }

    /// The promise of that sort, or else what holds for every operation.
    fn promise(&self, expect: Expectation, otherwise: usize) -> usize {
        let found = self.operation.promises.iter().find(|promise| promise.expect == Some(expect));
        found.map_or(otherwise, |promise| promise.requirement)
    }

    /// The requirement of the first row or question whose condition looks at something.
    fn rule_about(&self, is: impl Fn(&Expr) -> bool) -> Option<usize> {
        let mut rows = self.operation.rows.iter();
        let row = rows.find(|row| row.due.as_ref().is_some_and(|due| self.settled(due).mentions(&is)));
        row.map(|row| self.row_requirement(row))
    }
}

/// Whether a part of a condition looks at a parameter.
fn is_about(param: usize) -> impl Fn(&Expr) -> bool {
    move |expr| matches!(expr, Expr::Param(found) | Expr::Call(_, found) if *found == param)
}

/// The fixed part of a code.
fn code_name(code: &Code) -> String {
    match code {
        Code::Exact(code) => code.clone(),
        Code::Pattern { before, after } => format!("{}{after}", before.trim_end_matches('.')),
        Code::Any => "any".into(),
    }
}
