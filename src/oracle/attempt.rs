//! One search: how each call of a race leads from world to world.

use std::{cell::RefCell, rc::Rc};

use super::{
    belief::{Belief, Limits, Moment, World},
    course::Courses,
    judge::{Judge, Turn, happened},
    order::{Pool, Steps},
    race::{Racer, Sort},
    shown::{contradiction, prove},
};
use crate::{
    history::{History, Reply},
    model::view,
    spec::operation::View,
};

/// One search.
pub struct Attempt<'j, 'a> {
    judge: &'j Judge<'a>,
    group: &'j [&'j Racer<'a>],
    /// What each answer means in each state.
    courses: Vec<Courses>,
    /// Whether a state agrees with what a call has read.
    agreed: Vec<Vec<(Rc<Moment>, bool)>>,
    pool: RefCell<Pool>,
    started_ms: u64,
}

impl<'j, 'a> Attempt<'j, 'a> {
    pub fn new(judge: &'j Judge<'a>, group: &'j [&'j Racer<'a>]) -> Self {
        let started_ms = group.iter().map(|racer| racer.turn.exchange.started_ms).min().unwrap_or(judge.seen_ms);
        Self {
            judge,
            group,
            courses: group.iter().map(|_| Courses::default()).collect(),
            agreed: group.iter().map(|_| Vec::new()).collect(),
            pool: RefCell::default(),
            started_ms,
        }
    }

    /// What a call reads is as a world has it. What no read has ever shown may merely lag behind.
    fn agrees(&mut self, call: usize, world: &World) -> bool {
        if let Some((_, agrees)) = self.agreed[call].iter().find(|(state, _)| Rc::ptr_eq(state, &world.state)) {
            return *agrees;
        }
        let (judge, turn) = (self.judge, &self.group[call].turn);
        let differs = |shown: &View, seen: &view::Observation<'_>| {
            let found = contradiction(judge.set, turn, shown, seen, judge.history, &world.state);
            found.is_some_and(|found| !found.missing || judge.shown.contains(&found.key))
        };
        let agrees = !reads(turn).iter().any(|(shown, seen)| differs(shown, seen));
        self.agreed[call].push((world.state.clone(), agrees));
        agrees
    }
}

/// What an answer shows.
pub fn reads<'t>(turn: &'t Turn<'_>) -> Vec<(&'t View, view::Observation<'t>)> {
    let Reply::Success { fields, .. } = &turn.exchange.reply else { return Vec::new() };
    let views = turn.operation.views.iter();
    views.filter_map(|shown| Some((shown, view::observe(shown, fields)?))).collect()
}

impl Steps for Attempt<'_, '_> {
    fn settle(&self, belief: Belief) -> Belief {
        let History { patience_ms, linger_ms, lag_ms, .. } = *self.judge.history;
        let limits = Limits { patience_ms, linger_ms, lag_ms };
        let mut belief = belief.settled(self.judge.seen_ms, self.started_ms, &limits);
        let mut pool = self.pool.borrow_mut();
        belief.worlds.iter_mut().for_each(|world| world.state = pool.one(&world.state));
        belief
    }

    fn step(&mut self, call: usize, world: &World, next: &mut Belief) {
        let (judge, turn) = (self.judge, &self.group[call].turn);
        let lag_ms = judge.history.lag_ms;
        if self.group[call].sort == Sort::Doubtful {
            next.add(world.clone());
            for outcome in judge.permitted(turn, world, world.known(turn.at)) {
                let mut after = happened(turn, world, &outcome, lag_ms);
                after.state = self.pool.get_mut().one(&after.state);
                next.add(after);
            }
            return;
        }
        // A read that lags may show what was before any of them, and proves nothing.
        let shows = !turn.operation.views.is_empty() && lag_ms == 0;
        let courses = self.courses[call].of(judge.set, turn, world);
        let led: Vec<World> = courses.map(|(course, state)| course.lead(world, state, turn, lag_ms)).collect();
        for mut after in led {
            after.state = self.pool.get_mut().one(&after.state);
            if shows {
                if !self.agrees(call, &after) {
                    continue;
                }
                for (shown, seen) in reads(turn) {
                    prove(turn, shown, &seen, judge.history, &mut after);
                }
            }
            next.add(after);
        }
    }
}
