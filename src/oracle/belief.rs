//! The set of worlds that explain what was seen so far.

use std::{cell::OnceCell, collections::BTreeSet, hash::BuildHasher, ops::Deref, rc::Rc, sync::Arc};

use foldhash::fast::FixedState;

use crate::{
    model::{Aspect, Choices, Resource, State, choices::NO_CHOICES},
    spec::service::OpRef,
    value::Key,
};

/// One way the endpoint may be. Worlds share what they have in common, so that a copy costs next to nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    pub state: Rc<Moment>,
    /// Answers to open questions, by operation.
    pub choices: Rc<Vec<(OpRef, Choices)>>,
    /// Work of the command at this position took longer than patience allows.
    pub late: Option<usize>,
    /// Something was still under way after it had been watched for a while.
    pub lingering: bool,
    pub evidence: Rc<Evidence>,
    /// Earlier states, each with the time until which it lasted; empty where reads do not lag.
    pub past: Rc<Vec<(u64, Rc<Moment>)>>,
}

/// A state, with what it may become by itself.
#[derive(Debug)]
pub struct Moment {
    state: State,
    /// Worked out once, however often the endpoint is looked at.
    futures: OnceCell<Vec<Rc<Moment>>>,
    /// The same for equal states: with many worlds, comparing whole states takes long.
    digest: OnceCell<u64>,
}

/// What a world says of requirements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// Requirements exercised: position of the command, requirement.
    pub marks: BTreeSet<(usize, usize)>,
    /// Codes that were due as well when another was answered: position of the command, code.
    pub beaten: BTreeSet<(usize, String)>,
    /// Claims about state that no read has shown yet.
    pub claims: Vec<StateClaim>,
    /// Claims that a read has shown; a later read may still contradict them.
    pub proved: Vec<StateClaim>,
}

/// A claim about state, to be seen in a read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateClaim {
    /// Position of the call.
    pub command: usize,
    pub requirement: usize,
    pub aspect: Aspect,
    /// Resources that the call named.
    pub named: Rc<[Key]>,
}

/// How long things may take, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until asynchronous work is done.
    pub patience_ms: u64,
    /// Until what should not happen has not happened.
    pub linger_ms: u64,
    /// By which reads lag behind.
    pub lag_ms: u64,
}

/// An open question of an operation, with the alternatives that remain.
pub type Left = (OpRef, usize, BTreeSet<usize>);

/// Worlds that are told apart at most. What takes more explains so much that it proves nothing, and takes for ever.
pub const MOST_WORLDS: usize = 2_000;
/// From so many on, states are compared by their digests first.
const MANY_WORLDS: usize = 8;

#[derive(Debug, Clone, Default)]
pub struct Belief {
    pub worlds: Vec<World>,
    /// There are more, which are not looked at: nothing can be judged by this.
    pub is_cut: bool,
}

impl Moment {
    pub fn new(mut state: State) -> Rc<Self> {
        // Nobody can see any more how something was that is gone.
        let is_gone = |found: &Arc<Resource>| found.deleted && !found.attributes.is_empty();
        for found in state.resources.values_mut().filter(|found| is_gone(found)) {
            Arc::make_mut(found).attributes.clear();
        }
        Rc::new(Self { state, futures: OnceCell::new(), digest: OnceCell::new() })
    }

    fn digest(&self) -> u64 {
        *self.digest.get_or_init(|| FixedState::default().hash_one(&self.state))
    }

    /// What it may have become: some or all of what is pending has happened.
    fn futures(&self) -> &[Rc<Moment>] {
        self.futures.get_or_init(|| self.state.settle().into_iter().map(Self::new).collect())
    }
}

impl Deref for Moment {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

impl Eq for Moment {}

impl World {
    pub fn new(state: State) -> Self {
        Self {
            state: Moment::new(state),
            choices: Rc::default(),
            late: None,
            lingering: false,
            evidence: Rc::default(),
            past: Rc::default(),
        }
    }

    /// The world whose state is another from a time on. Where reads lag, the state so far is remembered for as long as they
    /// may show it.
    #[must_use]
    pub fn becoming(&self, state: Rc<Moment>, at_ms: u64, lag_ms: u64) -> Self {
        let mut next = Self { state, ..self.clone() };
        if lag_ms > 0 && !Rc::ptr_eq(&next.state, &self.state) {
            next.forget(at_ms, lag_ms);
            Rc::make_mut(&mut next.past).push((at_ms, self.state.clone()));
        }
        next
    }

    /// Remembers what it was in between, where several things have happened since a state: a read may still show that some
    /// had, and others had not.
    fn remember_between(&mut self, before: &Moment, now_ms: u64) {
        let state = self.state.clone();
        let is_between = |moment: &&Rc<Moment>| **moment != state && moment.futures().contains(&state);
        let between: Vec<_> =
            before.futures().iter().filter(is_between).map(|moment| (now_ms, moment.clone())).collect();
        if !between.is_empty() {
            Rc::make_mut(&mut self.past).extend(between);
        }
    }

    /// Forgets what no read from now on can show.
    fn forget(&mut self, now_ms: u64, lag_ms: u64) {
        if self.past.iter().any(|(until, _)| until + lag_ms < now_ms) {
            Rc::make_mut(&mut self.past).retain(|(until, _)| until + lag_ms >= now_ms);
        }
    }

    /// Earlier states that a read at this time may still show.
    pub fn shadows(&self, at_ms: u64, lag_ms: u64) -> impl Iterator<Item = &Rc<Moment>> {
        self.past.iter().filter(move |(until, _)| until + lag_ms >= at_ms).map(|(_, moment)| moment)
    }

    pub fn known(&self, operation: OpRef) -> &Choices {
        self.choices.iter().find(|(known, _)| *known == operation).map_or(&NO_CHOICES, |(_, choices)| choices)
    }

    /// Adds answers to the open questions of an operation.
    pub fn learn(&mut self, operation: OpRef, choices: &Choices) {
        let known = self.known(operation);
        if choices.iter().all(|(question, choice)| known.get(question) == Some(choice)) {
            return;
        }
        let joined = known.joined(choices);
        let all = Rc::make_mut(&mut self.choices);
        match all.iter_mut().find(|(known, _)| *known == operation) {
            Some((_, known)) => *known = joined,
            None => all.push((operation, joined)),
        }
    }

    /// Moves claims that `shown` proves into the marks.
    pub fn prove(&mut self, shown: impl Fn(&StateClaim) -> bool) {
        if !self.evidence.claims.iter().any(&shown) {
            return;
        }
        let evidence = Rc::make_mut(&mut self.evidence);
        let (proved, open): (Vec<_>, Vec<_>) = std::mem::take(&mut evidence.claims).into_iter().partition(shown);
        evidence.claims = open;
        evidence.marks.extend(proved.iter().map(|claim| (claim.command, claim.requirement)));
        evidence.proved.extend(proved);
    }
}

impl Evidence {
    /// Keeps what another agrees with.
    fn agree(&mut self, other: &Self) {
        self.marks.retain(|mark| other.marks.contains(mark));
        self.beaten.retain(|beaten| other.beaten.contains(beaten));
        self.claims.retain(|claim| other.claims.contains(claim));
    }
}

impl Belief {
    pub fn new(state: State) -> Self {
        Self::of(vec![World::new(state)])
    }

    /// These worlds, and no others.
    pub fn of(worlds: Vec<World>) -> Self {
        Self { worlds, is_cut: false }
    }

    /// Adds a world; one that differs from a known one only in what it proves joins it, and both keep what they agree on.
    pub fn add(&mut self, mut world: World) {
        let is_many = self.worlds.len() >= MANY_WORLDS;
        let is_alike = |known: &Moment| {
            known.pending.len() == world.state.pending.len() && (!is_many || known.digest() == world.state.digest())
        };
        let is_same = |known: &&World| is_alike(&known.state) && known.state == world.state;
        if let Some(known) = self.worlds.iter().find(is_same) {
            // What is worked out for one then serves the other.
            world.state = known.state.clone();
        }
        let is_full = self.worlds.len() == MOST_WORLDS;
        let twin = self.worlds.iter_mut().find(|known| {
            known.late == world.late
                && known.lingering == world.lingering
                && Rc::ptr_eq(&known.state, &world.state)
                && known.choices == world.choices
                // What only one of them may still be shown as tells them apart.
                && known.past == world.past
        });
        match twin {
            Some(known) if Rc::ptr_eq(&known.evidence, &world.evidence) => {}
            Some(known) => Rc::make_mut(&mut known.evidence).agree(&world.evidence),
            None if is_full => self.is_cut = true,
            None => self.worlds.push(world),
        }
    }

    /// All worlds that these may have become by now; `seen_ms` is when the endpoint was looked at last.
    pub fn settled(self, seen_ms: u64, now_ms: u64, limits: &Limits) -> Self {
        let Limits { patience_ms, linger_ms, lag_ms } = *limits;
        if self.worlds.iter().all(|world| world.state.pending.is_empty() && world.past.is_empty()) {
            return self;
        }
        let mut next = Self { is_cut: self.is_cut, ..Self::default() };
        for mut world in self.worlds {
            world.forget(now_ms, lag_ms);
            // Without a time to watch, nothing was watched.
            let is_watched = || linger_ms > 0 && world.state.overdue(seen_ms, linger_ms).next().is_some();
            let lingering = world.lingering || is_watched();
            for state in std::iter::once(&world.state).chain(world.state.futures()) {
                let late =
                    world.late.or_else(|| state.overdue(now_ms, patience_ms).next().map(|pending| pending.origin));
                let mut settled = World { late, lingering, ..world.becoming(state.clone(), now_ms, lag_ms) };
                if lag_ms > 0 {
                    settled.remember_between(&world.state, now_ms);
                }
                next.add(settled);
            }
        }
        next
    }

    /// Forgets worlds in which something has been under way for longer than it was watched, when others remain.
    ///
    /// It may still come about, so this is good enough to say how an open question seems to be answered, and for nothing
    /// else.
    pub fn watched(&mut self, seen_ms: u64, linger_ms: u64) {
        if linger_ms == 0 {
            return;
        }
        let settled = |world: &World| !world.lingering && world.state.overdue(seen_ms, linger_ms).next().is_none();
        if self.worlds.iter().any(settled) {
            self.worlds.retain(settled);
        }
    }

    /// Worlds that were in time, or all when none was.
    pub fn best(&self) -> Vec<&World> {
        let in_time = self.worlds.iter().any(|world| world.late.is_none());
        self.worlds.iter().filter(|world| !in_time || world.late.is_none()).collect()
    }

    /// Requirements that every world has exercised.
    pub fn marks(&self) -> BTreeSet<(usize, usize)> {
        self.agreed(|evidence| &evidence.marks)
    }

    /// Codes that were due in every world when another was answered: position of the command, code.
    pub fn beaten(&self) -> BTreeSet<(usize, String)> {
        self.agreed(|evidence| &evidence.beaten)
    }

    /// Whether codes were due in some world when this command earned another.
    pub fn has_beaten(&self, command: usize) -> bool {
        let of_command = |world: &World| world.evidence.beaten.iter().any(|(other, _)| *other == command);
        self.worlds.iter().any(of_command)
    }

    fn agreed<T: Ord + Clone>(&self, of: impl Fn(&Evidence) -> &BTreeSet<T>) -> BTreeSet<T> {
        let mut worlds = self.best().into_iter();
        let Some(first) = worlds.next() else { return BTreeSet::new() };
        let mut agreed = of(&first.evidence).clone();
        worlds.for_each(|world| agreed.retain(|one| of(&world.evidence).contains(one)));
        agreed
    }

    /// Open questions that every world depends on.
    pub fn answers(&self) -> Vec<Left> {
        let worlds = self.best();
        let Some(first) = worlds.first() else { return Vec::new() };
        let mut found = Vec::new();
        for (operation, choices) in first.choices.iter() {
            for (question, _) in choices.iter() {
                let possible: Option<BTreeSet<usize>> =
                    worlds.iter().map(|world| world.known(*operation).get(question)).collect();
                found.extend(possible.map(|possible| (*operation, question, possible)));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, sync::Arc};

    use super::{Belief, Limits, MOST_WORLDS, Moment, World};
    use crate::{
        model::{Change, Choices, Pending, Resource, State},
        spec::{embedded, service::OpRef},
        value::Atom,
    };

    const AT: OpRef = OpRef { service: 0, operation: 0 };

    fn state() -> State {
        let set = embedded().expect("the specs are sound");
        State::initial(set.service(AT), &"here".into())
    }

    /// A state that differs from the others by its pending work.
    fn pending(since_ms: u64) -> State {
        let (key, changes) = ("$image1".into(), vec![Change::Delete("$image1".into())]);
        let work = Pending { since_ms, origin: 7, key, changes, unless_changed: Vec::new() };
        State { pending: vec![work.into()], ..state() }
    }

    #[test]
    fn worlds_that_differ_only_in_what_they_prove_are_one() {
        let state = state();
        let world = |marks: [usize; 2]| {
            let mut world = World::new(state.clone());
            Rc::make_mut(&mut world.evidence).marks = marks.map(|mark| (0, mark)).into();
            world
        };
        let mut belief = Belief::of(vec![world([1, 2])]);
        belief.add(world([2, 3]));
        assert_eq!((belief.worlds.len(), belief.marks()), (1, [(0, 2)].into()));
        let mut asked = world([1, 2]);
        asked.learn(AT, &Choices::default().with(0, 1));
        let past = Rc::new(vec![(5, Moment::new(state.clone()))]);
        let others = [
            World { late: Some(0), ..world([1, 2]) },
            World { lingering: true, ..world([1, 2]) },
            World { past, ..world([1, 2]) },
            World { state: Moment::new(pending(0)), ..world([1, 2]) },
            asked,
        ];
        for (index, other) in others.into_iter().enumerate() {
            belief.add(other.clone());
            belief.add(other);
            assert_eq!(belief.worlds.len(), index + 2);
        }
    }

    #[test]
    fn worlds_that_differ_in_what_is_gone_are_one() {
        let world = |status: &str, deleted: bool| {
            let mut state = state();
            let attributes = vec![Atom::text(status)];
            let image = Resource { kind: 0, region: "here".into(), attributes, deleted };
            state.resources.insert("$image1".into(), Arc::new(image));
            World::new(state)
        };
        let n_worlds = |deleted: bool| {
            let mut belief = Belief::new(state());
            ["Creating", "Available", "Creating"].into_iter().for_each(|status| belief.add(world(status, deleted)));
            belief.worlds.len()
        };
        assert_eq!((n_worlds(true), n_worlds(false)), (2, 3));
    }

    #[test]
    fn equal_states_are_found_among_many() {
        let mut belief = Belief::default();
        (0..50).for_each(|since_ms| belief.add(World::new(pending(since_ms))));
        (0..50).for_each(|since_ms| belief.add(World::new(pending(since_ms))));
        assert_eq!(belief.worlds.len(), 50);
    }

    #[test]
    fn there_are_not_too_many_worlds() {
        let world = World::new(state());
        let mut belief = Belief::default();
        (0..MOST_WORLDS).for_each(|late| belief.add(World { late: Some(late), ..world.clone() }));
        belief.add(World { late: Some(0), ..world.clone() });
        assert_eq!((belief.worlds.len(), belief.is_cut), (MOST_WORLDS, false));
        belief.add(world);
        assert_eq!((belief.worlds.len(), belief.is_cut), (MOST_WORLDS, true));
    }

    #[test]
    fn what_was_is_remembered_as_long_as_reads_lag() {
        let (first, second, third) = (Moment::new(state()), Moment::new(pending(1)), Moment::new(pending(2)));
        let world = World { state: first.clone(), ..World::new(state()) };
        let shadows = |world: &World, at_ms: u64| world.shadows(at_ms, 10).cloned().collect::<Vec<_>>();
        assert!(shadows(&world.becoming(second.clone(), 100, 0), 100).is_empty());
        assert!(shadows(&world.becoming(first.clone(), 100, 10), 100).is_empty());
        let next = world.becoming(second.clone(), 100, 10);
        assert_eq!(shadows(&next, 110), vec![first.clone()]);
        assert!(shadows(&next, 111).is_empty());
        assert_eq!(*next.becoming(third.clone(), 110, 10).past, [(100, first), (110, second.clone())]);
        assert_eq!(*next.becoming(third, 111, 10).past, [(111, second)]);
    }

    #[test]
    fn work_is_late_after_patience_and_lingers_while_it_is_watched() {
        // Since when it is under way, when the endpoint was looked at last and when now: which of the worlds are late, linger.
        let check = |seen_ms: u64, now_ms: u64, late: bool, lingering: bool| {
            let limits = Limits { patience_ms: 100, linger_ms: 20, lag_ms: 0 };
            let belief = Belief::new(pending(1_000)).settled(seen_ms, now_ms, &limits);
            let found: Vec<_> = belief.worlds.iter().map(|world| (world.late, world.lingering)).collect();
            assert_eq!(found, [(late.then_some(7), lingering), (None, lingering)], "{seen_ms} {now_ms}");
            assert_eq!(belief.best().len(), if late { 1 } else { 2 });
            let mut watched = belief;
            watched.watched(seen_ms, 20);
            assert_eq!(watched.worlds.len(), 2);
        };
        check(1_000, 1_100, false, false);
        check(1_000, 1_101, true, false);
        check(1_020, 1_100, false, false);
        check(1_021, 1_100, false, true);
        let limits = Limits { patience_ms: 100, linger_ms: 20, lag_ms: 0 };
        let mut belief = Belief::new(pending(1_000)).settled(1_000, 1_050, &limits);
        belief.watched(1_050, 20);
        assert_eq!(belief.worlds.len(), 1);
        assert!(belief.worlds[0].state.pending.is_empty());
        // Nobody watched at all.
        let limits = Limits { linger_ms: 0, ..limits };
        let mut belief = Belief::new(pending(1_000)).settled(1_050, 1_060, &limits);
        belief.watched(1_060, 0);
        assert_eq!(belief.worlds.iter().map(|world| world.lingering).collect::<Vec<_>>(), [false, false]);
    }
}
