//! Which of several codes that are due wins.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    belief::World,
    blame::Changed,
    explain::matches,
    finding::{Contest, Precedence},
    judge::{Judge, Turn},
};
use crate::{
    history::{Exchange, Reply},
    model::{Resource, State},
    spec::service::OpRef,
    value::{Atom, Key},
};

/// Codes that were due as well, by command.
type Beaten = BTreeMap<usize, Vec<String>>;

impl<'a> Judge<'a> {
    /// Notes which codes were answered although others were due too: what is known of the state by now counts. Where the
    /// same codes were due before, the same one is to win.
    pub(super) fn precedence(&mut self) {
        let mut beaten = Beaten::new();
        for (command, code) in self.belief.beaten() {
            beaten.entry(command).or_default().push(code);
        }
        let mut winners: BTreeMap<(OpRef, Contest), String> = BTreeMap::new();
        for exchange in &self.history.exchanges {
            let Some((turn, found)) = self.ranked(exchange, &beaten) else { continue };
            let asked = turn.operation.questions.iter().position(|question| question.precedence);
            if let (Some(question), false) = (asked, found.in_batch) {
                let winner = &found.winner;
                let first = winners.entry((turn.at, found.contest())).or_insert_with(|| winner.clone());
                if first != winner {
                    let (first, now) = (format!("{first} before {winner}"), format!("{winner} before {first}"));
                    self.change_of_mind(&turn, &Changed { question, first, now });
                }
            }
            self.judged.precedence.push(found);
        }
    }

    /// What an answer says of precedence, if it does.
    fn ranked(&self, exchange: &'a Exchange, beaten: &Beaten) -> Option<(Turn<'a>, Precedence)> {
        let losers = beaten.get(&exchange.command)?.clone();
        let turn = self.turn(exchange)?;
        let Reply::Refused { code, .. } = &exchange.reply else { return None };
        let by_row = turn.operation.rows.iter().any(|row| row.documented && matches(&row.codes, code));
        if !by_row || self.script.commands[exchange.command].lane.is_some() {
            return None;
        }
        let (operation, in_batch) = (turn.at, turn.request.is_batch());
        let situation = self.situations.get(&exchange.command).cloned().unwrap_or_default();
        Some((turn, Precedence { operation, winner: code.clone(), losers, situation, in_batch }))
    }

    /// The state of what a call names, and of what refers to that, as far as it is known: without names and ids.
    pub(super) fn situation(&self, turn: &Turn<'_>) -> String {
        let about = |state: &State, key: &Key| {
            let own = state.living(key).map(|found| told(turn, found));
            let others: BTreeSet<String> = state.referrers(key).map(|(_, found)| told(turn, found)).collect();
            format!("{}; {}", own.unwrap_or_default(), others.into_iter().collect::<Vec<_>>().join(", "))
        };
        let in_world = |world: &World| {
            let keys = turn.request.targets.iter().flatten();
            keys.map(|key| about(&world.state, key)).collect::<Vec<_>>().join(" and ")
        };
        let possible: BTreeSet<String> = self.belief.worlds.iter().map(in_world).collect();
        possible.into_iter().collect::<Vec<_>>().join(" or ")
    }
}

/// What a resource is like.
fn told(turn: &Turn<'_>, found: &Resource) -> String {
    let kind = &turn.service.kinds[found.kind];
    let values = kind.attributes.iter().zip(&found.attributes);
    let values = values.filter(|(attribute, value)| attribute.name != "name" && !matches!(value, Atom::Ref(_)));
    let values: Vec<String> = values.map(|(attribute, value)| format!("{} {value}", attribute.name)).collect();
    format!("{} ({})", kind.name, values.join(", "))
}
