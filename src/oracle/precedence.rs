//! Which of several codes that are due wins.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    blame::Changed,
    explain::matches,
    finding::Precedence,
    judge::{Judge, Turn},
};
use crate::{
    history::{Exchange, Reply},
    spec::service::OpRef,
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
        let mut winners: BTreeMap<(OpRef, BTreeSet<String>), String> = BTreeMap::new();
        for exchange in &self.history.exchanges {
            let Some((turn, found)) = self.ranked(exchange, &beaten) else { continue };
            let asked = turn.operation.questions.iter().position(|question| question.precedence);
            if let (Some(question), false) = (asked, found.in_batch) {
                let winner = &found.winner;
                let first = winners.entry((turn.at, found.due())).or_insert_with(|| winner.clone());
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
        Some((turn, Precedence { operation, winner: code.clone(), losers, in_batch }))
    }
}
