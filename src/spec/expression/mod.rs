//! The condition language of specs: small, total, and without side effects.
//!
//! `image.shared and not Force`, `missing-image is refused`, `length(ClientToken) > 64`,
//! `any(task: task.image == image and task.status == 'Processing')`.
//!
//! A name is, in this order, a variable of `any`/`named`, a binding (the resource that a parameter names), a parameter, a
//! defined condition, or an open question. An open question is a constant of the endpoint that nobody knows before it is
//! seen; conditions use it like any other value, and evaluation says when it needs one that is not known yet.

mod compile;
mod lexer;
mod parser;

pub use compile::{Names, compile};
pub use parser::{Node, Tree, parse};

use crate::value::Atom;

/// A checked condition: every name is an index.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Constant(Atom),
    /// Value of a parameter, with its default applied.
    Param(usize),
    /// Attribute of the resource that a variable stands for.
    Attribute {
        var: usize,
        attribute: usize,
    },
    /// Derived attribute, computed with the resource as the only variable.
    Derived {
        var: usize,
        kind: usize,
        derived: usize,
    },
    /// What is known of a resource besides its attributes.
    Fact {
        var: usize,
        fact: Fact,
    },
    /// The resource itself, to compare with references.
    Var(usize),
    /// The endpoint's answer to an open question.
    Question(usize),
    /// Which credential calls.
    Caller,
    /// The call's region is one that the endpoint has.
    RegionKnown,
    /// What is known of the call's idempotency token.
    Token(TokenFact),
    /// A function of a parameter.
    Call(Function, usize),
    /// Number of members.
    Count(Box<Expr>),
    /// Whether a set or text contains a member or part.
    Contains(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Vec<Expr>),
    /// Some resource of a kind satisfies the condition; it is the variable after those in scope.
    Any {
        kind: usize,
        body: Box<Expr>,
    },
    /// Some resource that the call names through a binding satisfies the condition.
    Named {
        binding: usize,
        body: Box<Expr>,
    },
    /// A condition that the operation defines for several rules, with its number: one look is enough for all of them.
    Defined {
        number: usize,
        body: Box<Expr>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What is known of a named resource besides its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// There is none with this id here: never was, is deleted, or lives in another region.
    Missing,
    Present,
    /// There was one, and it was deleted.
    Deleted,
    /// It exists, but in another region than the call's.
    Elsewhere,
    /// The id is outside the shape that ids have.
    Malformed,
    /// The id has the shape, but not the length or letters of any that was ever seen.
    Odd,
    /// An error is due because of this one (in effects only).
    Obstructed,
    /// Neither this one nor one before it in the list is obstructed (in effects only).
    Ahead,
    /// It is being removed: the removal was answered, but may not have happened yet.
    Leaving,
}

impl Fact {
    /// Names in conditions.
    pub const ALL: &[(&str, Fact)] = &[
        ("missing", Fact::Missing),
        ("present", Fact::Present),
        ("deleted", Fact::Deleted),
        ("elsewhere", Fact::Elsewhere),
        ("malformed", Fact::Malformed),
        ("odd", Fact::Odd),
        ("obstructed", Fact::Obstructed),
        ("ahead", Fact::Ahead),
        ("leaving", Fact::Leaving),
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFact {
    /// The token was used before for a call that succeeded, with the same arguments.
    Same,
    /// … with other arguments.
    Other,
}

/// A function of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// It was sent.
    Given,
    /// It was not sent.
    Missing,
    /// It was sent without content: an empty text or list.
    Empty,
    /// Characters of a text.
    Length,
    /// Elements of a list.
    Count,
    /// Only ASCII characters.
    Ascii,
    /// An element stands twice.
    Duplicates,
    /// Absent, or of the documented type and among the documented values.
    Wellformed,
    /// A boolean that travels as a text where the protocol has booleans.
    Textual,
}

impl Function {
    pub const ALL: &[(&str, Function)] = &[
        ("given", Function::Given),
        ("missing", Function::Missing),
        ("empty", Function::Empty),
        ("length", Function::Length),
        ("count", Function::Count),
        ("ascii", Function::Ascii),
        ("duplicates", Function::Duplicates),
        ("wellformed", Function::Wellformed),
        ("textual", Function::Textual),
    ];
}

impl Expr {
    /// The expression itself, where it has a name.
    pub fn meant(&self) -> &Expr {
        match self {
            Expr::Defined { body, .. } => body.meant(),
            other => other,
        }
    }

    /// Calls `visit` on this expression and all inside it.
    pub fn walk(&self, visit: &mut dyn FnMut(&Expr)) {
        let meant = self.meant();
        visit(meant);
        match meant {
            Expr::Not(inner) | Expr::Count(inner) => inner.walk(visit),
            Expr::And(left, right)
            | Expr::Or(left, right)
            | Expr::Compare(_, left, right)
            | Expr::Contains(left, right) => {
                left.walk(visit);
                right.walk(visit);
            }
            Expr::In(left, list) => {
                left.walk(visit);
                list.iter().for_each(|element| element.walk(visit));
            }
            Expr::Any { body, .. } | Expr::Named { body, .. } => body.walk(visit),
            _ => {}
        }
    }

    /// Whether this expression looks at something: it, or one inside it, is that.
    pub fn mentions(&self, is: impl Fn(&Expr) -> bool) -> bool {
        let mut found = false;
        self.walk(&mut |expr| found |= is(expr));
        found
    }

    /// Bindings that the value depends on, outside `named(…)`.
    pub fn bindings(&self, n_bindings: usize) -> Vec<usize> {
        let mut found = Vec::new();
        self.walk(&mut |expr| {
            if let Expr::Attribute { var, .. } | Expr::Derived { var, .. } | Expr::Fact { var, .. } | Expr::Var(var) =
                expr
                && *var < n_bindings
                && !found.contains(var)
            {
                found.push(*var);
            }
        });
        found
    }

    /// Questions that the value may depend on.
    pub fn questions(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.walk(&mut |expr| {
            if let Expr::Question(question) = expr
                && !found.contains(question)
            {
                found.push(*question);
            }
        });
        found
    }

    /// Whether the value depends on who calls.
    pub fn asks_who_calls(&self) -> bool {
        self.mentions(|expr| *expr == Expr::Caller)
    }

    /// Parameters that the value depends on.
    pub fn params(&self) -> Vec<usize> {
        let mut found = Vec::new();
        self.walk(&mut |expr| {
            if let Expr::Param(param) | Expr::Call(_, param) = expr
                && !found.contains(param)
            {
                found.push(*param);
            }
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Expr;

    #[test]
    fn bindings_are_what_the_call_names() {
        // The first two variables are bindings; what was created, or is quantified over, follows.
        let both = |left, right| Expr::And(Box::new(left), Box::new(right));
        let expr = both(both(Expr::Var(1), Expr::Var(2)), both(Expr::Var(0), Expr::Var(1)));
        assert_eq!(expr.bindings(2), [1, 0]);
        assert_eq!(expr.bindings(3), [1, 2, 0]);
    }
}
