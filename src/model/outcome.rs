//! What a call may answer, and what each answer changes.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell},
};

use super::{
    access,
    choices::Choices,
    evaluate::{Ask, Defined, Named, Scope, Target, Variables, first_of},
    looked::Looked,
    request::Request,
    state::{Change, Pending, State, TokenUse},
};
use crate::spec::{
    Operation, Service, SpecSet,
    expression::Expr,
    operation::{Code, Expectation, Row},
};

/// One thing that a call may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub answer: Answer,
    /// It is what the conditions ask for, rather than merely permitted.
    pub due: bool,
    /// What changes at once.
    pub changes: Vec<Change>,
    /// What changes some time later; `since_ms` and `origin` are filled in by whoever knows them.
    pub later: Vec<Pending>,
    /// Token that the call used up.
    pub token: Option<TokenUse>,
    /// Answers to open questions that this outcome depends on, and those known before.
    pub choices: Choices,
    /// What this outcome exercises once it is seen.
    pub claims: Vec<Claim>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Success,
    Refused(Refused),
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A row of the operation.
    Row(usize),
    /// A code of the vendor's common list.
    Common(usize),
    /// Any refusal: what a companion may always do, and what a resource on its way out may earn.
    Any,
}

/// A requirement that an outcome speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// Index into the operation's requirements.
    pub requirement: usize,
    pub aspect: Aspect,
}

/// What a claim is about, which decides when it counts as seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// The answer; seen at once.
    Answer,
    /// The named resources stay; seen when a read shows them.
    Unchanged,
    /// The named resources go; seen when a read no longer shows them.
    Gone,
    /// Other resources stay; seen when a read shows one.
    Others,
}

/// Everything that a call may do in a state.
///
/// `known` are the answers to open questions known so far; outcomes carry those that they depend on in addition.
pub fn outcomes(set: &SpecSet, state: &State, request: &Request, known: &Choices) -> Vec<Outcome> {
    outcomes_with(set, state, request, known, |_, _| true)
}

/// The outcomes whose answer is wanted, told by the answer and by whether it is due. What the others change is not worked out.
pub fn outcomes_with(
    set: &SpecSet,
    state: &State,
    request: &Request,
    known: &Choices,
    wanted: impl Fn(&Answer, bool) -> bool,
) -> Vec<Outcome> {
    outcomes_looking(set, state, request, known, wanted, None)
}

/// The same; `looked` notes what of the state they depend on, for calls that prove who sends them.
pub fn outcomes_looking(
    set: &SpecSet,
    state: &State,
    request: &Request,
    known: &Choices,
    wanted: impl Fn(&Answer, bool) -> bool,
    looked: Option<&Looked>,
) -> Vec<Outcome> {
    if let Some(mut refused) = access::outcomes(set, state, request, known) {
        refused.retain(|outcome| wanted(&outcome.answer, outcome.due));
        return refused;
    }
    let step = Step { looked, ..Step::new(set, state, request) }.of_all_courses();
    let mut found = Vec::new();
    for (asked, judgement) in step.forked(known, Choices::default(), |choices| step.judge(choices)) {
        for answer in step.answers(&judgement) {
            let due = judgement.asks_for(&answer);
            if !wanted(&answer, due) {
                continue;
            }
            let consequences =
                step.forked(known, asked.clone(), |choices| step.consequences(&answer, &judgement, choices));
            for (asked, (changes, later, mut claims)) in consequences {
                let token = step.token(answer != Answer::Success);
                step.claim_questions(&asked, &mut claims);
                let choices = known.joined(&asked);
                found.push(Outcome { answer: answer.clone(), due, changes, later, token, choices, claims });
            }
        }
    }
    found
}

/// What a call does when open questions are answered as known, the others by their first alternative, and the first row
/// that is due wins. It makes no claims, for nobody judges by it.
pub fn likely(set: &SpecSet, state: &State, request: &Request, known: &Choices) -> Outcome {
    if let Some(refused) = access::outcomes(set, state, request, known).and_then(|found| found.into_iter().next()) {
        return refused;
    }
    let step = Step::new(set, state, request);
    let choices = known.completed(step.operation);
    // With an answer to every question, nothing is asked.
    let judgement = step.rows(&step.scope(&choices, &[])).unwrap_or_default();
    let answer = judgement.due.first().map_or(Answer::Success, |row| Answer::Refused(Refused::Row(*row)));
    let scope = step.scope(&choices, &judgement.obstructed);
    let (changes, later) = step.effects(&answer, &scope).unwrap_or_default();
    let token = step.token(answer != Answer::Success);
    Outcome { answer, due: true, changes, later, token, choices, claims: Vec::new() }
}

/// Whether the code of one row tells that it goes before that of another, both of which are due with these answers to open
/// questions. Of a batch, the first resource that is in the way may decide: there only the code of a later one tells.
pub fn goes_first(
    set: &SpecSet,
    state: &State,
    request: &Request,
    choices: &Choices,
    (winner, loser): (usize, usize),
) -> bool {
    if !request.is_batch() {
        return true;
    }
    let step = Step::new(set, state, request);
    let place = |row: usize| step.due(&step.scope(choices, &[]), &step.operation.rows[row]).ok()??.first().copied();
    place(winner).zip(place(loser)).is_some_and(|(winner, loser)| winner > loser)
}

/// One call in one state.
pub(super) struct Step<'a> {
    pub service: &'a Service,
    pub operation: &'a Operation,
    pub state: &'a State,
    pub request: &'a Request,
    named: Named<'a>,
    defined: Defined,
    looked: Option<&'a Looked>,
    /// By row; empty where nothing can be asked, so that there is one course only.
    certain: Vec<Certain>,
    common: OnceCell<Vec<usize>>,
}

/// What is the same for a row whatever is answered to open questions, and so need not be worked out for each answer.
#[derive(Default)]
struct Certain {
    due: OnceCell<Option<Due>>,
    may: OnceCell<bool>,
}

/// Positions of the named resources for which a row is due; empty for rows that look at none.
type Due = Vec<usize>;

/// Which rows hold.
#[derive(Default)]
pub(super) struct Judgement {
    pub due: Vec<usize>,
    may: Vec<usize>,
    /// A named resource is on its way out, so any refusal is right.
    leaving: bool,
    /// A row is due whatever becomes of what is on its way out.
    blocked: bool,
    /// By position in the list of named resources, as far as any is.
    obstructed: Vec<bool>,
}

impl Judgement {
    fn asks_for(&self, answer: &Answer) -> bool {
        match answer {
            Answer::Success => self.due.is_empty(),
            Answer::Refused(Refused::Row(row)) => self.due.contains(row),
            Answer::Refused(_) => false,
        }
    }
}

type Consequences = (Vec<Change>, Vec<Pending>, Vec<Claim>);

impl<'a> Step<'a> {
    pub fn new(set: &'a SpecSet, state: &'a State, request: &'a Request) -> Self {
        let operation = set.operation(request.operation);
        let named = request.targets.iter().map(|keys| keys.first()).chain(request.created.iter().map(Some));
        Self {
            service: set.service(request.operation),
            operation,
            state,
            request,
            named: first_of(state, named),
            defined: Defined::default(),
            looked: None,
            certain: Vec::new(),
            common: OnceCell::new(),
        }
    }

    /// The same for whoever goes through all courses.
    fn of_all_courses(mut self) -> Self {
        if !self.operation.questions.is_empty() {
            self.certain = self.operation.rows.iter().map(|_| Certain::default()).collect();
        }
        self
    }

    /// Runs `attempt` with ever more answers, once for each combination that makes a difference.
    fn forked<T>(
        &self,
        known: &Choices,
        asked: Choices,
        attempt: impl Fn(&Choices) -> Result<T, Ask>,
    ) -> Vec<(Choices, T)> {
        let mut found = Vec::new();
        let mut open = vec![asked];
        while let Some(choices) = open.pop() {
            match attempt(&choices) {
                Ok(value) => found.push((choices, value)),
                Err(Ask(question)) => match known.get(question) {
                    Some(choice) => open.push(choices.with(question, choice)),
                    None => {
                        let answers = self.operation.questions[question].answers.len();
                        open.extend((0..answers).rev().map(|choice| choices.with(question, choice)));
                    }
                },
            }
        }
        found
    }

    pub fn scope<'s>(&'s self, choices: &'s Choices, obstructed: &'s [bool]) -> Scope<'s> {
        Scope {
            service: self.service,
            operation: self.operation,
            state: self.state,
            request: self.request,
            choices,
            obstructed,
            variables: Variables::of(self.named.as_slice()).into(),
            chose: Cell::new(false),
            // What is obstructed is not known before it is known which rows are due.
            defined: (!obstructed.contains(&true)).then_some(&self.defined),
            looked: self.looked,
        }
    }

    fn judge(&self, choices: &Choices) -> Result<Judgement, Ask> {
        let scope = self.scope(choices, &[]);
        let mut judgement = self.rows(&scope)?;
        for (index, row) in self.operation.rows.iter().enumerate() {
            if judgement.due.contains(&index) {
                continue;
            }
            let permitted = |may| Ok(self.for_any(&scope, may, &row.may_each)? && !self.lifted(&scope, row)?);
            if let Some(may) = &row.may
                && *self.certainly(self.certain.get(index).map(|certain| &certain.may), &scope, || permitted(may))?
            {
                judgement.may.push(index);
            }
            if row.unprovokable || (row.overlap && self.request.overlapped) {
                judgement.may.push(index);
            }
        }
        Ok(judgement)
    }

    /// Which rows are due.
    pub fn rows<'s>(&'s self, scope: &Scope<'s>) -> Result<Judgement, Ask> {
        let mut judgement = Judgement {
            due: Vec::new(),
            may: Vec::new(),
            leaving: self.request.targets.iter().flatten().any(|key| self.state.is_leaving(key)),
            blocked: false,
            obstructed: Vec::new(),
        };
        let rows = &self.operation.rows;
        for otherwise in [false, true] {
            if otherwise && !judgement.due.is_empty() {
                break;
            }
            for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.otherwise == otherwise && !row.access) {
                let due = self
                    .certainly(self.certain.get(index).map(|certain| &certain.due), scope, || self.due(scope, row))?;
                let Some(positions) = &*due else { continue };
                judgement.due.push(index);
                judgement.blocked |= judgement.leaving && !self.is_about_leaving(row, positions);
                // A condition may hold of a call that names nothing.
                let is_named = |position: usize| self.request.targets.iter().any(|keys| position < keys.len());
                for position in positions.iter().copied().filter(|position| is_named(*position)) {
                    if judgement.obstructed.len() <= position {
                        judgement.obstructed.resize(position + 1, false);
                    }
                    judgement.obstructed[position] = true;
                }
            }
        }
        Ok(judgement)
    }

    /// Works something out, unless it is known to be the same in all courses.
    fn certainly<'s, T: Clone>(
        &self,
        known: Option<&'s OnceCell<T>>,
        scope: &Scope<'_>,
        work_out: impl FnOnce() -> Result<T, Ask>,
    ) -> Result<Cow<'s, T>, Ask> {
        let Some(known) = known else { return work_out().map(Cow::Owned) };
        if let Some(known) = known.get() {
            return Ok(Cow::Borrowed(known));
        }
        scope.chose.set(false);
        let value = work_out()?;
        Ok(if scope.chose.get() { Cow::Owned(value) } else { Cow::Borrowed(known.get_or_init(|| value)) })
    }

    /// Whether a row's condition holds and nothing lifts it, and for which of the named resources that it looks at.
    fn due<'s>(&'s self, scope: &Scope<'s>, row: &Row) -> Result<Option<Due>, Ask> {
        let Some(due) = &row.due else { return Ok(None) };
        let positions = match self.listed(&row.each) {
            Some(binding) => self.each(scope, binding, due)?,
            None if scope.holds(due)? => Some(Due::new()),
            None => None,
        };
        Ok(if positions.is_some() && self.lifted(scope, row)? { None } else { positions })
    }

    /// What a row is due for is on its way out, all of it.
    fn is_about_leaving(&self, row: &Row, positions: &[usize]) -> bool {
        let keys = self.listed(&row.each).and_then(|binding| self.request.targets.get(binding));
        let is_leaving =
            |position: &usize| keys.and_then(|keys| keys.get(*position)).is_some_and(|key| self.state.is_leaving(key));
        !positions.is_empty() && positions.iter().all(is_leaving)
    }

    /// The binding among these that may name several resources, or else the first.
    fn listed(&self, bindings: &[usize]) -> Option<usize> {
        let many =
            bindings.iter().find(|binding| self.request.targets.get(**binding).is_some_and(|keys| keys.len() != 1));
        many.or(bindings.first()).copied()
    }

    /// Positions of the named resources for which a condition holds; none when there is no such.
    fn each<'s>(&'s self, scope: &Scope<'s>, binding: usize, expr: &Expr) -> Result<Option<Due>, Ask> {
        let keys = self.request.targets.get(binding).map_or(&[][..], Vec::as_slice);
        // A condition on a resource that the call does not name holds for no resource, but may hold by its other parts.
        if keys.is_empty() {
            return Ok(scope.holds(expr)?.then(|| vec![0]));
        }
        let mut held = Due::new();
        for (index, key) in keys.iter().enumerate() {
            let target = || Target::new(self.state, key, index);
            // The variable stands for the first anyhow.
            let holds = match index {
                0 => scope.holds(expr),
                _ => scope.standing(binding, target(), || scope.holds(expr)),
            };
            if holds? {
                held.push(index);
            }
        }
        Ok((!held.is_empty()).then_some(held))
    }

    pub fn for_any<'s>(&'s self, scope: &Scope<'s>, expr: &Expr, bindings: &[usize]) -> Result<bool, Ask> {
        match self.listed(bindings) {
            Some(binding) => Ok(self.each(scope, binding, expr)?.is_some()),
            None => scope.holds(expr),
        }
    }

    fn lifted<'s>(&'s self, scope: &Scope<'s>, row: &Row) -> Result<bool, Ask> {
        for rule in &self.operation.overrides {
            let applies = rule.skips.iter().any(|skip| skip == "*" || (!row.key.is_empty() && *skip == row.key));
            if applies && self.for_any(scope, &rule.when, &rule.each)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Answers that are right, those that are due before the others.
    fn answers(&self, judgement: &Judgement) -> Vec<Answer> {
        let mut answers = Vec::new();
        let companion = !self.operation.is_documented();
        if judgement.due.is_empty() || companion || (judgement.leaving && !judgement.blocked) {
            answers.push(Answer::Success);
        }
        let rows = judgement.due.iter().chain(&judgement.may).map(|row| Refused::Row(*row));
        let common = self.common.get_or_init(|| self.fitting()).iter().map(|common| Refused::Common(*common));
        answers.extend(rows.chain(common).map(Answer::Refused));
        let is_shared = self.token_is_shared();
        if is_shared && !answers.contains(&Answer::Success) {
            answers.push(Answer::Success);
        }
        if companion || judgement.leaving || is_shared || self.token_was_refused() {
            answers.push(Answer::Refused(Refused::Any));
        }
        answers
    }

    fn consequences(&self, answer: &Answer, judgement: &Judgement, choices: &Choices) -> Result<Consequences, Ask> {
        let scope = self.scope(choices, &judgement.obstructed);
        let (changes, later) = self.effects(answer, &scope)?;
        let claims = if self.operation.is_documented() {
            self.claims(&scope, answer, judgement, !changes.is_empty() || !later.is_empty())?
        } else {
            Vec::new()
        };
        Ok((changes, later, claims))
    }

    fn token(&self, refused: bool) -> Option<TokenUse> {
        let token = self.request.token(self.operation)?;
        let used = TokenUse { token, arguments: self.request.fingerprint(self.operation), refused };
        (!self.state.tokens.contains(&used)).then_some(used)
    }

    /// The token was sent before with a call that was refused: the endpoint may repeat that refusal, or miss the sameness.
    fn token_was_refused(&self) -> bool {
        let token = self.request.token(self.operation);
        token.is_some_and(|token| self.state.tokens.iter().any(|used| used.refused && used.token == token))
    }

    /// Two different requests succeeded with the token: whether it is that of the first, the last or both, no document says.
    fn token_is_shared(&self) -> bool {
        let Some(token) = self.request.token(self.operation) else { return false };
        let mut uses = self.state.tokens.iter().filter(|used| !used.refused && used.token == token);
        uses.next().is_some_and(|first| uses.any(|other| other.arguments != first.arguments))
    }

    fn claims<'s>(
        &'s self,
        scope: &Scope<'s>,
        answer: &Answer,
        judgement: &Judgement,
        changed: bool,
    ) -> Result<Vec<Claim>, Ask> {
        let Some(basics) = self.operation.basics else { return Ok(Vec::new()) };
        let mut claims = Vec::new();
        let mut claim = |requirement, aspect| claims.push(Claim { requirement, aspect });
        let refused = *answer != Answer::Success;
        match answer {
            Answer::Success => {
                claim(basics.success, Aspect::Answer);
                for field in &self.operation.fields {
                    if let Some(requirement) = field.requirement {
                        claim(requirement, Aspect::Answer);
                    }
                }
                if changed {
                    claim(basics.effect, Aspect::Gone);
                }
            }
            Answer::Refused(Refused::Row(row)) => {
                // A row counts when its condition held and its code came, or when it alone was due.
                let rows = &self.operation.rows;
                let named = |due: &Row| due.codes == rows[*row].codes && !due.codes.contains(&Code::Any);
                for due in judgement.due.iter().filter(|_| judgement.due.contains(row)).map(|due| &rows[*due]) {
                    if let Some(requirement) = due.requirement.filter(|_| named(due)) {
                        claim(requirement, Aspect::Answer);
                    }
                }
                self.limits(judgement, &mut claim);
            }
            Answer::Refused(_) => self.limits(judgement, &mut claim),
        }
        if refused && !changed {
            claim(basics.unchanged, Aspect::Unchanged);
        }
        claim(basics.others, Aspect::Others);
        for promise in &self.operation.promises {
            let Some(expect) = promise.expect else { continue };
            let aspect = match expect {
                Expectation::Success if !refused => Aspect::Answer,
                Expectation::Refusal if refused => Aspect::Answer,
                Expectation::Unchanged | Expectation::Kept if !changed => Aspect::Unchanged,
                Expectation::Gone if changed && !refused => Aspect::Gone,
                Expectation::Others => Aspect::Others,
                _ => continue,
            };
            let holds = match &promise.when {
                Some(when) => self.for_any(scope, when, &promise.each)?,
                None => true,
            };
            if holds {
                claim(promise.requirement, aspect);
            }
        }
        if judgement.due.iter().filter(|row| self.operation.rows[**row].documented).count() > 1
            && let Some(question) = self.operation.questions.iter().find(|question| question.precedence)
        {
            claim(question.requirement, Aspect::Answer);
        }
        Ok(claims)
    }

    /// Limits and promised refusals accept many codes, so any refusal exercises the one that alone is due.
    fn limits(&self, judgement: &Judgement, claim: &mut impl FnMut(usize, Aspect)) {
        let rows = || judgement.due.iter().map(|row| &self.operation.rows[*row]);
        for row in rows().filter(|row| rows().all(|other| other.requirement == row.requirement)) {
            if let (Some(requirement), false, true) = (row.requirement, row.documented, row.codes.contains(&Code::Any))
            {
                claim(requirement, Aspect::Answer);
            }
        }
    }

    fn claim_questions(&self, asked: &Choices, claims: &mut Vec<Claim>) {
        for (question, _) in asked.iter() {
            let requirement = self.operation.questions[question].requirement;
            if self.operation.is_documented() {
                claims.push(Claim { requirement, aspect: Aspect::Answer });
            }
        }
        claims.sort_unstable();
        claims.dedup();
    }
}
