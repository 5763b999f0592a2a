//! One history, exchange by exchange.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use serde_json::{Map, Value};

use super::{
    attribute,
    belief::{Belief, Left, Limits, MOST_WORLDS, Moment, World},
    blame::{self, Accused, Changed},
    course::{Courses, after, fixed},
    explain::{Standing, explains, matches, standing},
    finding::{Finding, Judged, Nature, Observed, Precedence, Promised, Reason, ReqRef, Reworded, Unique},
    hindsight::Hindsight,
    race::{self, Lanes},
    shown::{Contradiction, contradiction, prove, responsible, shown_part},
};
use crate::{
    history::{Exchange, History, Reply},
    model::{Aspect, Caller, Choices, Outcome, Request, State, outcomes, view},
    sequence::Script,
    spec::{Operation, Service, SpecSet, expression::Expr, operation::View, service::OpRef},
    value::{Key, field_at, plain},
};

/// Judges what a script did.
pub fn judge(set: &SpecSet, script: &Script, history: &History) -> Judged {
    let overlapped = race::overlapped(set, script, history);
    let mut judged = in_order(set, script, history, &overlapped, Lanes::Overlapping);
    if !judged.findings.is_empty() && !script.race().is_empty() {
        attribute::attribute(set, script, history, &overlapped, &mut judged);
    }
    judged
}

/// The same, and how lanes are taken.
pub(super) fn in_order(
    set: &SpecSet,
    script: &Script,
    history: &History,
    overlapped: &BTreeSet<usize>,
    lanes: Lanes,
) -> Judged {
    let Some(first) = script.commands.first() else { return Judged::default() };
    let home = Script::home();
    let initial = State::initial(set.service(first.operation), &home);
    let mut judge = Judge::new(set, script, history, overlapped, Belief::new(initial));
    judge.repeating = lanes == Lanes::Repeating;
    let is_laned = |exchange: &Exchange| {
        lanes != Lanes::Ignored && script.commands.get(exchange.command).is_some_and(|command| command.lane.is_some())
    };
    let mut rest = history.exchanges.as_slice();
    while let Some(first) = rest.first() {
        let n_laned = rest.iter().take_while(|exchange| is_laned(exchange)).count();
        let (now, later) = rest.split_at(n_laned.max(1));
        let goes_on = if n_laned > 0 { judge.race(now) } else { judge.exchange(first) };
        if !goes_on {
            return judge.judged;
        }
        judge.note_lateness(now);
        if judge.is_too_late() {
            break;
        }
        rest = later;
    }
    judge.finish();
    judge.judged
}

pub(super) struct Judge<'a> {
    pub set: &'a SpecSet,
    pub script: &'a Script,
    pub history: &'a History,
    /// Commands that other work on the same resources overlapped.
    pub overlapped: &'a BTreeSet<usize>,
    pub belief: Belief,
    pub judged: Judged,
    /// When the endpoint was looked at last.
    pub seen_ms: u64,
    /// Resources that some read has shown.
    pub shown: BTreeSet<Key>,
    pub hindsight: Hindsight<'a>,
    /// What was answered when an open question was asked first, with the alternatives that this left.
    labels: BTreeMap<(OpRef, usize), (String, BTreeSet<usize>)>,
    /// The state of what calls named that were refused for one of several reasons, by command.
    pub situations: BTreeMap<usize, String>,
    /// Requirements that a race has met, once a read has shown one of the resources.
    pub unproved: Vec<(ReqRef, Vec<Key>)>,
    /// The command after which only worlds were left in which something took too long.
    pub late_since: Option<usize>,
    /// Calls of a race may have arrived twice.
    pub repeating: bool,
}

/// The exchange under judgement.
pub struct Turn<'a> {
    pub at: OpRef,
    pub service: &'a Service,
    pub operation: &'a Operation,
    pub request: Request,
    pub exchange: &'a Exchange,
}

impl Turn<'_> {
    /// Whatever the state, the call may succeed, and leaves everything as it is.
    fn is_mere_read(&self) -> bool {
        self.operation.only_reads() && self.operation.questions.is_empty() && self.request.caller == Caller::Main
    }

    /// The call, as what is said of it needs it.
    pub fn accused<'b>(&'b self, set: &'b SpecSet) -> Accused<'b> {
        Accused { set, at: self.at, command: self.exchange.command, reply: &self.exchange.reply }
    }
}

/// The world in which this outcome has come about.
pub(super) fn happened(turn: &Turn<'_>, world: &World, outcome: &Outcome, lag_ms: u64) -> World {
    let state = after(&world.state, outcome, turn.exchange.command, turn.exchange.ended_ms);
    let mut next = world.becoming(state, turn.exchange.ended_ms, lag_ms);
    next.learn(turn.at, &outcome.choices);
    next
}

impl<'a> Judge<'a> {
    fn new(
        set: &'a SpecSet,
        script: &'a Script,
        history: &'a History,
        overlapped: &'a BTreeSet<usize>,
        belief: Belief,
    ) -> Self {
        Self {
            set,
            script,
            history,
            overlapped,
            belief,
            judged: Judged::default(),
            seen_ms: 0,
            shown: BTreeSet::new(),
            hindsight: Hindsight::default(),
            labels: BTreeMap::new(),
            situations: BTreeMap::new(),
            unproved: Vec::new(),
            late_since: None,
            repeating: false,
        }
    }

    /// Judges one exchange; false when nothing after it can be judged.
    fn exchange(&mut self, exchange: &'a Exchange) -> bool {
        let Some(turn) = self.turn(exchange) else { return true };
        if let Reply::NotSent { reason } = &exchange.reply {
            let why = self.why_not_made(exchange.command).map(|why| format!(": {why}")).unwrap_or_default();
            self.reason(&turn, format!("{reason}{why}"));
            return true;
        }
        let History { patience_ms, linger_ms, lag_ms, .. } = *self.history;
        let belief = std::mem::take(&mut self.belief);
        let limits = Limits { patience_ms, linger_ms, lag_ms };
        self.belief = belief.settled(self.seen_ms, exchange.started_ms, &limits);
        self.seen_ms = exchange.started_ms;
        if self.is_too_much(&turn) {
            return false;
        }
        match standing(turn.service, turn.operation, turn.request.caller, &exchange.reply) {
            // The reason was given with the read that did not show it.
            Standing::Definite if turn.operation.is_documented() && self.hindsight.awaits(&turn.request) => false,
            Standing::Definite => self.definite(&turn),
            Standing::Unauthenticated(text) => {
                self.reason(&turn, format!("credentials refused: {text}"));
                true
            }
            Standing::Denied(text) => {
                self.reason(&turn, text);
                true
            }
            Standing::Inconclusive(text) => {
                self.reason(&turn, text);
                self.may_have_happened(&turn);
                !self.is_too_much(&turn)
            }
            Standing::Failed(text) => {
                let promised = self.promised(&turn);
                self.judged.reasons.push(Reason { command: exchange.command, text, promised });
                self.hindsight.lose(turn.operation, &turn.request, exchange.command);
                self.may_have_happened(&turn);
                !self.is_too_much(&turn)
            }
        }
    }

    pub(super) fn turn(&self, exchange: &'a Exchange) -> Option<Turn<'a>> {
        let command = self.script.commands.get(exchange.command)?;
        let at = command.operation;
        let mut request = command.request(self.set, &Script::home());
        request.overlapped = self.overlapped.contains(&exchange.command);
        Some(Turn { at, service: self.set.service(at), operation: self.set.operation(at), request, exchange })
    }

    pub(super) fn reason(&mut self, turn: &Turn<'_>, text: String) {
        let reason = Reason { command: turn.exchange.command, text, promised: None };
        if !self.judged.reasons.contains(&reason) {
            self.judged.reasons.push(reason);
        }
    }

    /// The answer for which something that a command names was never made.
    fn why_not_made(&self, command: usize) -> Option<String> {
        let needed = self.script.commands.get(command)?.uses();
        let made = |index: &usize| {
            self.script.commands.get(*index).is_some_and(|one| one.creates.iter().any(|key| needed.contains(key)))
        };
        let mut makers = self.history.exchanges.iter().filter(|exchange| made(&exchange.command));
        let refused =
            makers.find(|exchange| !matches!(exchange.reply, Reply::Success { .. } | Reply::NotSent { .. }))?;
        let operation = self.set.operation(self.script.commands.get(refused.command)?.operation);
        Some(format!("{} answered {}", operation.name, refused.reply.brief()))
    }

    /// A question was answered in another way before.
    pub(super) fn change_of_mind(&mut self, turn: &Turn<'_>, changed: &Changed) {
        self.judged.findings.push(blame::change_of_mind(&turn.accused(self.set), changed));
    }

    /// So much may have happened by now that nothing follows from an answer any more.
    fn is_too_much(&mut self, turn: &Turn<'_>) -> bool {
        if self.belief.is_cut {
            self.reason(turn, format!("what came so far can be explained in more than {MOST_WORLDS} ways"));
        }
        self.belief.is_cut
    }

    /// What the documents promise where no answer came.
    pub(super) fn promised(&self, turn: &Turn<'_>) -> Option<Promised> {
        let world = self.belief.worlds.first()?;
        let permitted = self.permitted(turn, world, world.known(turn.at));
        let requirement = (turn.at, blame::promise(turn.operation, &permitted)?);
        Some(Promised { requirement, expected: blame::expectations(turn.service, turn.operation, &permitted) })
    }

    fn may_have_happened(&mut self, turn: &Turn<'_>) {
        let mut next = Belief::default();
        for world in &self.belief.worlds {
            next.add(world.clone());
            for outcome in self.permitted(turn, world, world.known(turn.at)) {
                next.add(happened(turn, world, &outcome, self.history.lag_ms));
            }
        }
        self.belief = next;
    }

    pub(super) fn permitted(&self, turn: &Turn<'_>, world: &World, known: &Choices) -> Vec<Outcome> {
        outcomes(self.set, &world.state, &turn.request, &fixed(turn.operation, known))
    }

    fn definite(&mut self, turn: &Turn<'a>) -> bool {
        let is_refused = matches!(turn.exchange.reply, Reply::Refused { .. });
        let before = if turn.operation.is_documented() && is_refused { self.belief.answers() } else { Vec::new() };
        let mut ruled_out = Vec::new();
        let mut next = Belief::default();
        if !is_refused && turn.is_mere_read() {
            next = self.belief.clone();
        } else {
            let mut courses = Courses::default();
            for world in &self.belief.worlds {
                let explaining = courses.of(self.set, turn, world);
                if explaining.len() == 0 {
                    ruled_out.push(world.clone());
                }
                for (course, state) in explaining {
                    next.add(course.lead(world, state, turn, self.history.lag_ms));
                }
            }
        }
        if next.is_cut {
            self.belief = next;
            return !self.is_too_much(turn);
        }
        if next.worlds.is_empty() {
            return self.unexplained(turn);
        }
        if turn.operation.is_documented() && matches!(turn.exchange.reply, Reply::Success { .. }) {
            self.hindsight.rule_out(turn.exchange, ruled_out);
        }
        let seen =
            if let Reply::Success { fields, .. } = &turn.exchange.reply { self.read(turn, next, fields) } else { next };
        if seen.worlds.is_empty() {
            return false;
        }
        if is_refused && seen.has_beaten(turn.exchange.command) {
            self.situations.insert(turn.exchange.command, self.situation(turn));
        }
        self.belief = seen;
        if turn.operation.is_documented() {
            self.note(turn, &before);
            self.fields(turn);
        }
        true
    }

    /// No world explains the answer. Where another answer to an open question would, that is the finding.
    fn unexplained(&mut self, turn: &Turn<'_>) -> bool {
        if !turn.operation.is_documented() {
            self.reason(turn, format!("{} answered {}", turn.operation.name, turn.exchange.reply.brief()));
            return false;
        }
        let mut next = Belief::default();
        let mut changed = None;
        for world in &self.belief.worlds {
            let known = world.known(turn.at);
            for outcome in self.permitted(turn, world, &Choices::default()) {
                if explains(turn.service, turn.operation, &outcome.answer, outcome.due, &turn.exchange.reply).is_some()
                {
                    let after = happened(turn, world, &outcome, self.history.lag_ms);
                    changed = changed.or_else(|| Changed::of(turn.operation, known, &outcome));
                    next.add(after);
                }
            }
        }
        if let Some(changed) = changed {
            self.change_of_mind(turn, &changed);
            self.belief = next;
            return true;
        }
        let accused = turn.accused(self.set);
        let worlds = self.belief.worlds.iter();
        let permitted: Vec<Outcome> =
            worlds.flat_map(|world| self.permitted(turn, world, world.known(turn.at))).collect();
        if let Some(finding) = blame::answer(&accused, &self.belief, &permitted) {
            self.judged.exercised.push(finding.requirement);
            self.judged.findings.push(finding);
        }
        false
    }

    /// Keeps the worlds that a read agrees with.
    fn read(&mut self, turn: &Turn<'_>, mut next: Belief, fields: &Map<String, Value>) -> Belief {
        race::prove(self, turn);
        for shown in &turn.operation.views {
            let Some(seen) = view::observe(shown, fields) else {
                self.reason(turn, format!("{} answered without a list `{}`", turn.operation.name, shown.list));
                continue;
            };
            let places = seen.elements.iter().filter_map(|element| self.history.place_of(&element.id));
            self.shown.extend(places.cloned());
            self.hindsight.awaited.retain(|key| !self.shown.contains(key));
            let failed = seen.elements.iter().find_map(|element| {
                let (field, value) = shown.failure(element)?;
                let place = self.history.place_of(&element.id)?;
                Some(format!("{place} failed: {field} is {value}"))
            });
            if let Some(text) = failed {
                self.reason(turn, text);
                return Belief::default();
            }
            let mut hindsight = std::mem::take(&mut self.hindsight);
            let agrees =
                |world: &World| contradiction(self.set, turn, shown, &seen, self.history, &world.state).is_none();
            hindsight.retain(agrees);
            self.hindsight = hindsight;
            let mut kept = Belief::default();
            let mut contradictions = Vec::new();
            let mut compared: Vec<(Rc<Moment>, Option<Contradiction>)> = Vec::new();
            for mut world in next.worlds {
                let known = compared.iter().position(|(state, _)| Rc::ptr_eq(state, &world.state));
                let at = known.unwrap_or_else(|| {
                    let found = contradiction(self.set, turn, shown, &seen, self.history, &world.state);
                    compared.push((world.state.clone(), found));
                    compared.len() - 1
                });
                match &compared[at].1 {
                    None => {
                        if self.is_fresh(turn) {
                            prove(turn, shown, &seen, self.history, &mut world);
                        }
                        kept.add(world);
                    }
                    // A read that lags shows what was, and proves nothing.
                    Some(_) if self.was_so(turn, shown, &seen, &world) => kept.add(world),
                    Some(contradiction) => contradictions.push((world, contradiction.clone())),
                }
            }
            // A read may lag behind a creation: only what was shown once can be missed.
            let lags = |found: &Contradiction| found.missing && !self.shown.contains(&found.key);
            if kept.worlds.is_empty() && contradictions.iter().all(|(_, found)| lags(found)) {
                let keys: BTreeSet<Key> = contradictions.iter().map(|(_, found)| found.key.clone()).collect();
                next.worlds = contradictions.into_iter().map(|(world, _)| world).collect();
                for key in keys {
                    self.reason(turn, format!("{} does not show {key} yet", turn.operation.name));
                    self.hindsight.awaited.insert(key);
                }
                continue;
            }
            if kept.worlds.is_empty() {
                self.contradicted(turn, contradictions, fields);
                return kept;
            }
            next = kept;
        }
        next
    }

    /// No read can show any more what was true before the last call that changes something, or should not have.
    fn is_fresh(&self, turn: &Turn<'_>) -> bool {
        let earlier = self.history.exchanges.iter().take_while(|exchange| !std::ptr::eq(*exchange, turn.exchange));
        let changes = |exchange: &&Exchange| {
            let command = self.script.commands.get(exchange.command);
            let operation = command.map(|command| self.set.operation(command.operation));
            operation.is_some_and(|operation| !operation.only_reads())
        };
        let lag_ms = self.history.lag_ms;
        lag_ms == 0 || earlier.filter(changes).all(|exchange| exchange.ended_ms + lag_ms < turn.exchange.started_ms)
    }

    /// A read shows a world as it was not long ago.
    fn was_so(&self, turn: &Turn<'_>, shown: &View, seen: &view::Observation<'_>, world: &World) -> bool {
        let agrees = |moment: &Rc<Moment>| contradiction(self.set, turn, shown, seen, self.history, moment).is_none();
        world.shadows(turn.exchange.started_ms, self.history.lag_ms).any(agrees)
    }

    /// A read that no world agrees with: the call that promised otherwise is to blame.
    pub(super) fn contradicted(
        &mut self,
        turn: &Turn<'_>,
        found: Vec<(World, Contradiction)>,
        fields: &Map<String, Value>,
    ) {
        let in_time = found.iter().any(|(world, _)| world.late.is_none());
        let mut suspects = found.into_iter().filter(|(world, _)| !in_time || world.late.is_none());
        let Some((world, contradiction)) = suspects.next() else { return };
        let never_shown = contradiction.missing && !self.shown.contains(&contradiction.key);
        let claim = responsible(&world, &contradiction).or_else(|| self.hindsight.lost_claim(&contradiction.key));
        let Some(claim) = claim.filter(|_| !never_shown) else {
            if !never_shown {
                self.judged.unexplained.insert(turn.exchange.command);
            }
            self.reason(
                turn,
                format!(
                    "{} shows something else than {}, and no documented call is known to be the cause",
                    turn.operation.name, contradiction.expected
                ),
            );
            return;
        };
        let culprit = &self.script.commands[claim.command];
        let operation = self.set.operation(culprit.operation);
        let what = match (claim.aspect, contradiction.gone) {
            (Aspect::Gone, _) => "still shown",
            (_, true) => "shown again",
            (Aspect::Others, _) => "something else changed",
            _ => "something changed",
        };
        let requirement = &operation.requirements[claim.requirement];
        let finding = self.wrong_success(turn).unwrap_or_else(|| Finding {
            key: format!("{}#{what}", requirement.id),
            nature: Nature::Violation,
            requirement: (culprit.operation, claim.requirement),
            summary: format!("{} contradicts {}: {what}", turn.operation.name, operation.name),
            expected: vec![contradiction.expected],
            actual: shown_part(turn, fields),
            command: turn.exchange.command,
            culprit: claim.command,
            before: blame::describe(turn.service, Some(&world.state)),
            orders: Vec::new(),
        });
        self.judged.exercised.push(finding.requirement);
        self.judged.findings.push(finding);
        // What was learned until here stays learned.
        self.belief.worlds = vec![world];
        self.finish();
    }

    /// An earlier success that only looked right: worlds in which the call was to be refused explain every read since.
    fn wrong_success(&self, turn: &Turn<'_>) -> Option<Finding> {
        let (exchange, worlds) = self.hindsight.wrong_success()?;
        let culprit = self.turn(exchange)?;
        let permitted = |world: &World| self.permitted(&culprit, world, world.known(culprit.at));
        let permitted: Vec<Outcome> = worlds.iter().flat_map(permitted).collect();
        let accused = Accused { set: self.set, at: culprit.at, command: exchange.command, reply: &exchange.reply };
        let finding = blame::answer(&accused, &Belief::of(worlds), &permitted)?;
        Some(Finding { command: turn.exchange.command, ..finding })
    }

    /// Notes codes that answer questions, and changed messages; with what was known of questions before the call.
    pub(super) fn note(&mut self, turn: &Turn<'_>, before: &[Left]) {
        let Reply::Refused { code, message, .. } = &turn.exchange.reply else { return };
        for (operation, question, possible) in self.belief.answers() {
            // A code says nothing of a question that it did not help to answer.
            let is_told =
                before.iter().any(|(at, known, left)| (*at, *known) == (operation, question) && *left == possible);
            if operation != turn.at || is_told {
                continue;
            }
            let by_code = turn.operation.rows.iter().any(|row| {
                let asks = |expr: &Expr| expr.questions().contains(&question);
                matches(&row.codes, code) && row.due.iter().chain(&row.may).any(asks)
            });
            if by_code {
                self.labels.entry((turn.at, question)).or_insert_with(|| (code.clone(), possible));
            }
        }
        let row = turn.operation.rows.iter().find(|row| row.documented && matches(&row.codes, code));
        if let Some(row) = row
            && !row.message.is_empty()
            && row.message != *message
        {
            self.judged.messages.push(Reworded { operation: turn.at, code: code.clone(), message: message.clone() });
        }
    }

    /// Fields of a successful answer; what is wrong with them does not keep the rest from being judged.
    pub(super) fn fields(&mut self, turn: &Turn<'_>) {
        let Reply::Success { fields, .. } = &turn.exchange.reply else { return };
        let accused = turn.accused(self.set);
        for field in &turn.operation.fields {
            let Some(requirement) = field.requirement else { continue };
            let problem = match field_at(fields, &field.name) {
                None | Some(Value::Null) if field.optional => None,
                None | Some(Value::Null) => Some(("no ", format!("a {}", field.kind.name()))),
                Some(found) if !field.kind.admits(found) => {
                    Some(("a wrong type of ", format!("a {}", field.kind.name())))
                }
                Some(Value::String(text)) if text.is_empty() => Some(("an empty ", format!("a {}", field.kind.name()))),
                Some(found) if field.value.as_ref().is_some_and(|value| value != found) => {
                    Some(("another value of ", field.value.as_ref().map(plain).unwrap_or_default()))
                }
                Some(found) if field.unique && self.is_repeated(turn, &field.name, found) => {
                    Some(("a repeated ", "a value of its own in every answer".into()))
                }
                Some(_) => None,
            };
            if let (None, true, Some(value)) = (&problem, field.unique, field_at(fields, &field.name)) {
                self.judged.unique.push(Unique { requirement: (turn.at, requirement), value: plain(value) });
            }
            if let Some((what, expected)) = problem {
                let what = format!("{what}{}", field.name);
                let finding = blame::field(&accused, requirement, &what, expected, Value::Object(fields.clone()));
                self.judged.findings.push(finding);
            }
        }
    }

    fn is_repeated(&self, turn: &Turn<'_>, name: &str, found: &Value) -> bool {
        let earlier = self.history.exchanges.iter().take_while(|exchange| !std::ptr::eq(*exchange, turn.exchange));
        earlier.into_iter().any(|exchange| match &exchange.reply {
            Reply::Success { fields, .. } => {
                fields.get(name.split('.').next().unwrap_or(name)).is_some_and(|value| value == found)
            }
            _ => false,
        })
    }

    fn finish(&mut self) {
        self.precedence();
        let proven = self.belief.answers();
        self.belief.watched(self.seen_ms, self.history.linger_ms);
        let mut certain = BTreeSet::new();
        for (operation, question, possible) in self.belief.answers() {
            let asked = &self.set.operation(operation).questions[question];
            if possible.len() == asked.answers.len() {
                continue;
            }
            certain.insert((operation, asked.requirement));
            // What was ruled out later may be what the code stood for.
            let label = self.labels.get(&(operation, question)).filter(|(_, left)| *left == possible);
            let label = label.map_or_else(|| asked.names(&possible), |(code, _)| code.clone());
            let possible = possible.into_iter().collect();
            let proven = proven.iter().find(|(at, asked, _)| (*at, *asked) == (operation, question));
            let proven = proven.map_or((0..asked.answers.len()).collect(), |(.., left)| left.iter().copied().collect());
            self.judged.answers.push(Observed { operation, question, possible, proven, label });
        }
        for (command, requirement) in self.belief.marks() {
            let Some(command) = self.script.commands.get(command) else { continue };
            let questions = &self.set.operation(command.operation).questions;
            let asked = questions.iter().find(|question| question.requirement == requirement);
            let is_ranked = |ranked: &Precedence| ranked.operation == command.operation;
            // A question counts when something was learned of it, not when it was merely asked.
            let counts = asked.is_none_or(|question| match question.precedence {
                true => self.judged.precedence.iter().any(is_ranked),
                false => certain.contains(&(command.operation, requirement)),
            });
            if counts {
                self.judged.exercised.push((command.operation, requirement));
            }
        }
        if let Some(world) = self.belief.best().first().copied().cloned()
            && let Some(command) = world.late
        {
            self.late(command, &world);
        }
    }
}

#[cfg(test)]
mod tests;
