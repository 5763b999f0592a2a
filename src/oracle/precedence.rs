//! Which of several codes that are due wins.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    blame::{self, Accused, Changed},
    explain::matches,
    finding::Precedence,
    judge::Judge,
};
use crate::{history::Reply, sequence::Script, spec::service::OpRef};

impl Judge<'_> {
    /// Notes which codes were answered although others were due too: what is known of the state by now counts. Where the
    /// same codes were due before, the same one is to win.
    pub(super) fn precedence(&mut self) {
        let mut winners: BTreeMap<(OpRef, BTreeSet<String>), String> = BTreeMap::new();
        let mut beaten: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (command, code) in self.belief.beaten() {
            beaten.entry(command).or_default().push(code);
        }
        for exchange in &self.history.exchanges {
            let Some(losers) = beaten.get(&exchange.command) else { continue };
            let Some(command) = self.script.commands.get(exchange.command) else { continue };
            let Reply::Refused { code, .. } = &exchange.reply else { continue };
            let operation = self.set.operation(command.operation);
            let by_row = operation.rows.iter().any(|row| row.documented && matches(&row.codes, code));
            if command.lane.is_none() && by_row {
                let (winner, losers) = (code.clone(), losers.clone());
                let in_batch = command.request(self.set, &Script::home()).is_batch();
                let due: BTreeSet<String> = losers.iter().chain([&winner]).cloned().collect();
                let asked = operation.questions.iter().position(|question| question.precedence);
                if let (Some(question), false) = (asked, in_batch) {
                    let first = winners.entry((command.operation, due)).or_insert_with(|| winner.clone());
                    if *first != winner {
                        let (first, now) = (format!("{first} before {winner}"), format!("{winner} before {first}"));
                        let (set, at, command) = (self.set, command.operation, exchange.command);
                        let accused = Accused { set, at, command, reply: &exchange.reply };
                        let changed = Changed { question, first, now };
                        self.judged.findings.push(blame::change_of_mind(&accused, &changed));
                    }
                }
                self.judged.precedence.push(Precedence { operation: command.operation, winner, losers, in_batch });
            }
        }
    }
}
