//! Which parts of the conditions decide what a call earns.
//!
//! A row that is due for one of several reasons shows that this reason is enough; a call that is spared by one of several
//! conditions shows that this one is needed (testers know this as *modified condition/decision coverage*). Only then would
//! an endpoint that forgot this part answer otherwise.

use super::{choices::Choices, evaluate::Scope, outcome::Step, request::Request, state::State};
use crate::spec::{
    SpecSet,
    expression::Expr,
    operation::{Code, Row},
};

/// A part of a row's condition that decides: its likes in the same chain do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deciding {
    pub row: usize,
    /// Its position among the parts, counted through.
    pub place: usize,
    /// Nothing outside of the chain comes to the same.
    pub alone: bool,
}

/// Parts of the rows' conditions that decide in this state.
///
/// A condition that spares the call one row is of interest although it earns another: an endpoint that forgot it has a
/// choice then, and need not choose as it does elsewhere.
pub fn deciding(set: &SpecSet, state: &State, request: &Request, known: &Choices) -> Vec<Deciding> {
    if !request.caller.is_authentic() {
        return Vec::new();
    }
    let step = Step::new(set, state, request);
    let scope = step.scope(known, &[]);
    let Ok(judgement) = step.rows(&scope) else { return Vec::new() };
    let rows = &step.operation.rows;
    let codes = |row: usize| -> &[Code] { &rows[row].codes };
    let alone = |row: usize| judgement.due.iter().all(|due| codes(*due) == codes(row));
    let mut found = Vec::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| !row.access && !row.otherwise) {
        let Some(due) = &row.due else { continue };
        let is_due = judgement.due.contains(&index);
        if !is_due || alone(index) {
            let mut look =
                Look { step: &step, scope: &scope, row, is_due, position: 0, alone: true, found: Vec::new() };
            look.at(due);
            found.extend(look.found.into_iter().map(|(place, alone)| Deciding { row: index, place, alone }));
        }
    }
    found
}

struct Look<'s, 'a> {
    step: &'s Step<'a>,
    scope: &'s Scope<'s>,
    row: &'s Row,
    is_due: bool,
    position: usize,
    /// Whatever surrounds the part that is looked at decides as well.
    alone: bool,
    /// Positions, each with whether it decides alone.
    found: Vec<(usize, bool)>,
}

impl<'s> Look<'s, '_> {
    fn at(&mut self, expr: &'s Expr) {
        let mut parts = Vec::new();
        // Reasons matter where the row is due, and conditions where it is not.
        let decides = match expr.meant() {
            Expr::Or(..) => {
                flatten(expr, true, &mut parts);
                self.is_due
            }
            Expr::And(..) => {
                flatten(expr, false, &mut parts);
                !self.is_due
            }
            _ => return,
        };
        let held: Option<Vec<bool>> = parts.iter().map(|part| self.holds(part)).collect();
        let deciding = held
            .map_or(Vec::new(), |held| (0..held.len()).filter(|one| held[*one] == self.is_due).collect::<Vec<usize>>());
        for (number, part) in parts.into_iter().enumerate() {
            self.position += 1;
            let own = deciding == [number];
            if decides && own {
                self.found.push((self.position, self.alone));
            }
            let around = self.alone;
            self.alone = around && (own || !decides);
            self.at(part);
            self.alone = around;
        }
    }

    /// Whether a part holds for any named resource; none where that is open.
    fn holds(&self, part: &'s Expr) -> Option<bool> {
        self.step.for_any(self.scope, part, &self.row.each).ok()
    }
}

/// The parts of a chain of `or`, or of `and`.
fn flatten<'e>(expr: &'e Expr, or: bool, parts: &mut Vec<&'e Expr>) {
    match (expr.meant(), or) {
        (Expr::Or(left, right), true) | (Expr::And(left, right), false) => {
            flatten(left, or, parts);
            flatten(right, or, parts);
        }
        _ => parts.push(expr),
    }
}

#[cfg(test)]
mod tests {
    use super::deciding;
    use crate::model::{
        Caller, Choices,
        shop::{call, param, row, shop},
    };

    /// Rows with their conditions; places are those of the parts, counted through.
    const ROWS: [(&str, &str); 5] = [
        ("Any", "One == 'a' or Two == 'a' or Three == 'a'"),
        ("Both", "One == 'b' and Two == 'b'"),
        ("Nested", "(Two == 'x' or Three == 'x') and One == 'c'"),
        ("Spared", "not (One == 'a')"),
        ("Double", "(One == 'd' and (Two == 'd' or Two == 'e')) or Three == 'd'"),
    ];

    #[test]
    fn the_only_reason_and_the_only_obstacle_decide() {
        // Of the first row; the others are there as well.
        let check = |rows: &str, arguments: [&str; 3], caller: Caller, expected: &[usize]| {
            let params = ["One", "Two", "Three"].map(|name| param(name, "text", ""));
            let wanted = ROWS.iter().filter(|(code, _)| rows.contains(code));
            let otherwise = "[[refusal]]\nkey = \"Otherwise\"\nwhen = \"One == 'o' or Two == 'o'\"\n\
                otherwise = true\ncodes = [\"Otherwise\"]\n";
            let tables = params.into_iter().chain(wanted.map(|(code, when)| row(code, when)));
            let set = shop(&tables.chain([otherwise.to_owned()]).collect::<String>());
            let (state, request) = call(&set, &arguments.map(|text| Some(text.into())), caller);
            let found = deciding(&set, &state, &request, &Choices::default());
            let operation = set.operation(request.operation);
            let own = found.iter().filter(|deciding| rows.starts_with(&operation.rows[deciding.row].key));
            let places: Vec<usize> = own.filter(|deciding| deciding.alone).map(|deciding| deciding.place).collect();
            assert_eq!(places, expected, "{rows} {arguments:?}");
        };
        let main = Caller::Main;
        check("Any", ["a", "", ""], main, &[1]);
        check("Any", ["", "", "a"], main, &[3]);
        check("Any", ["a", "a", ""], main, &[]);
        check("Any", ["", "", ""], main, &[]);
        check("Both", ["b", "", ""], main, &[2]);
        check("Both", ["", "b", ""], main, &[1]);
        check("Both", ["b", "b", ""], main, &[]);
        check("Both", ["", "", ""], main, &[]);
        check("Nested", ["c", "x", ""], main, &[2]);
        check("Nested", ["c", "x", "x"], main, &[]);
        check("Nested", ["c", "", ""], main, &[1]);
        check("Nested", ["", "x", ""], main, &[4]);
        check("Spared", ["b", "", ""], main, &[]);
        check("Double", ["d", "e", ""], main, &[1, 5]);
        // Whatever the first reason is made of, the second is enough.
        check("Double", ["d", "e", "d"], main, &[]);
        // Where another code is due as well, either may come, so no reason shows itself; an obstacle does.
        check("Any, Spared", ["b", "a", ""], main, &[]);
        check("Both, Spared", ["b", "", ""], main, &[2]);
        check("Any", ["a", "", ""], Caller::Forged, &[]);
        // What is due only where nothing else is says nothing by itself.
        check("Otherwise", ["o", "", ""], main, &[]);
    }
}
