//! Cases for an SDK: sequences from the model, arguments of every kind, and every treatment.

use std::sync::Arc;

use serde_json::Value;

use super::{
    case::Case,
    catalogue::{Adapter, Cause},
    spoil::{Sort, Spoil, Treatment},
};
use crate::{
    generate::{Generator, Options, dice::Dice, simulate},
    model::{Answer, Caller, Choices, State, request::fits},
    sequence::{Purpose, Script},
    spec::{
        Operation, Service, SpecSet,
        operation::{Code, ParamType, Spelling},
        service::{Means, OpRef},
    },
};

/// Cases of the model's generator that sequences are taken from.
const SEQUENCES: usize = 240;
/// Calls with a wrong secret: some SDKs take apart what the service says of their signature.
const FORGED: usize = 2;
/// Sequences that are run as they are, for each SDK, and for one whose calls take long.
const PLAIN: usize = 60;
const PLAIN_SLOW: usize = 15;
/// Of a hundred sequences, so many have their companions go through the SDK as well.
const COMPANIONS_PERCENT: usize = 25;
/// Retries that are asked for, where they are.
const RETRIES: u32 = 2;
/// Elements of a long list, letters of a long text.
const LONG_LIST: u64 = 40;
const LONG_TEXT: usize = 2000;

const WORDINGS: [Wording; 3] = [Wording::Own, Wording::Parted, Wording::Whole];
/// Content types that say the same as the documented one, more or less.
const CONTENT_TYPES: &[Option<&str>] = &[
    Some("application/json"),
    Some("application/json; charset=utf-8"),
    Some("application/json;charset=UTF-8"),
    Some("Application/JSON"),
    Some("application/problem+json"),
    Some("text/json"),
    Some("text/plain"),
    Some("text/html; charset=utf-8"),
    Some("application/octet-stream"),
    None,
];
const XML_TYPES: &[&str] = &["text/xml;charset=utf-8", "application/xml", "application/json"];
const REDIRECTS: &[u16] = &[301, 302, 303, 307, 308];
const GATEWAYS: &[u16] = &[500, 502, 503, 504];

/// Sequences of one operation, by what their last call earns.
pub struct Stock {
    pub at: OpRef,
    success: Vec<Script>,
    refused: Vec<Script>,
}

/// What a case is for.
#[derive(Debug, Clone, PartialEq)]
enum Aim {
    /// A sequence as it is.
    Sequence,
    /// An argument of a certain kind.
    Argument { param: usize, kind: Kind },
    /// A call that is signed with a wrong secret.
    Forged,
    /// A documented error.
    Error { status: u16, code: String, message: String, sort: Sort, wording: Wording },
    /// A spoiled answer to a call that would succeed, or would be refused.
    Spoiled { spoil: Spoil, acts: bool, of_success: bool },
    /// The same, with retries asked for; so many attempts are spoiled.
    Retried { spoil: Spoil, acts: bool, times: u32 },
}

/// How an error is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wording {
    /// As its document has it.
    Own,
    /// In other words, with a colon: clients take messages apart.
    Parted,
    /// In other words, without one.
    Whole,
}

/// Kinds of arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Absent,
    Empty,
    Unicode,
    Reserved,
    Long,
    Yes,
    No,
    One,
    Several,
    Negative,
}

/// All cases of one SDK: a function of the seed and their numbers.
pub struct Cases {
    set: Arc<SpecSet>,
    stock: Arc<Stock>,
    adapter: Arc<Adapter>,
    seed: String,
    aims: Vec<Aim>,
}

impl Stock {
    /// Sequences of a documented operation.
    pub fn new(set: &SpecSet, at: OpRef, seed: &str) -> Self {
        let generator =
            Generator::new(set, &[at], seed, Options { restricted: vec![at.service], ..Options::default() });
        let mut stock = Self { at, success: Vec::new(), refused: Vec::new() };
        let initial = State::initial(set.service(at), &Script::home());
        let likely = Choices::likely(set.operation(at));
        // What overlaps has no last call, and an SDK is asked for one call after the other.
        let sequences = (generator.n_tours()..).map_while(|number| generator.case(number));
        let sequences = sequences.filter(|script| script.race().is_empty()).take(SEQUENCES);
        for script in sequences.filter_map(|script| up_to_last_call(at, script)) {
            let last = script.commands.len() - 1;
            let call = &script.commands[last];
            let mut documented = script.commands.iter().filter(|command| command.operation == at);
            if !documented.all(|call| is_sayable(set, at, &call.arguments, call.caller)) {
                continue;
            }
            let states = simulate::run(set, &initial, &script.commands[..last], &likely);
            let Some(state) = states.last() else { continue };
            let list = match simulate::step(set, state, call, &likely).1.answer {
                Answer::Success => &mut stock.success,
                Answer::Refused(_) => &mut stock.refused,
            };
            list.push(script);
        }
        // The plainest call comes first: what is spoiled is best shown by it.
        for list in [&mut stock.success, &mut stock.refused] {
            list.sort_by_key(|script| script.commands.len());
        }
        stock
    }

    /// The shortest sequences: one whose last call succeeds, one whose last call is refused.
    pub fn plainest(&self) -> impl Iterator<Item = &Script> {
        self.success.first().into_iter().chain(self.refused.first())
    }
}

fn up_to_last_call(at: OpRef, mut script: Script) -> Option<Script> {
    let is_call = |command: &crate::sequence::Command| {
        command.operation == at && command.purpose == Purpose::Call && command.until.is_none()
    };
    let last = script.commands.iter().rposition(is_call)?;
    script.commands.truncate(last + 1);
    Some(script)
}

/// A caller of a typed SDK can say it: arguments have their types, and the request is made by the SDK itself.
fn is_sayable(set: &SpecSet, at: OpRef, arguments: &[Option<Value>], caller: Caller) -> bool {
    let by_hand = matches!(caller, Caller::Stale | Caller::Replayed | Caller::Unsigned);
    let typed = set.operation(at).params.iter().zip(arguments).all(|(param, value)| {
        let is_text = param.spelling != Spelling::Native && value.as_ref().is_some_and(Value::is_string);
        value.as_ref().is_none_or(|value| is_text || fits(param.kind, value))
    });
    !by_hand && typed
}

impl Cases {
    pub fn new(set: Arc<SpecSet>, stock: Arc<Stock>, adapter: Arc<Adapter>, seed: &str) -> Self {
        let aims = aims(set.service(stock.at), set.operation(stock.at), &adapter);
        Self { set, stock, adapter, seed: seed.to_owned(), aims }
    }

    /// How many there are that differ in their aims.
    pub fn len(&self) -> usize {
        self.aims.len()
    }

    pub fn is_empty(&self) -> bool {
        self.aims.is_empty()
    }

    /// The case of this number; none when the model has no sequence for it.
    pub fn case(&self, number: usize) -> Option<Case> {
        let mut dice = Dice::new(&self.seed, number as u64);
        let aim = self.aims.get(number % self.aims.len().max(1))?.clone();
        let of_success = match &aim {
            Aim::Sequence => dice.percent(50),
            Aim::Spoiled { of_success, .. } => *of_success,
            _ => true,
        };
        let (first, second) = (&self.stock.success, &self.stock.refused);
        let pool = if of_success || second.is_empty() { first } else { second };
        let script = dice.pick(pool)?.clone();
        let service = self.set.service(self.stock.at);
        let signing = self.adapter.signing.iter().filter(|name| service.signing.contains(name)).cloned();
        let signing: Vec<String> = signing.collect();
        let signing = dice.pick(&signing).or(service.signing.first()).cloned().unwrap_or_default();
        let mut case = Case { script, treatments: Vec::new(), retries: 0, signing, companions: false };
        match aim {
            Aim::Sequence => case.companions = dice.percent(COMPANIONS_PERCENT),
            Aim::Argument { param, kind } => {
                let operation = self.set.operation(self.stock.at);
                let last = case.script.commands.len() - 1;
                let call = &mut case.script.commands[last];
                call.arguments[param] =
                    argument(operation.params[param].kind, kind, call.arguments[param].as_ref(), &mut dice);
            }
            Aim::Forged => {
                let last = case.script.commands.len() - 1;
                case.script.commands[last].caller = Caller::Forged;
            }
            Aim::Error { status, code, message, sort, wording } => {
                let message = other_message(wording, &mut dice).unwrap_or(message);
                case.treatments.push(Treatment { spoil: Spoil::Refusal { status, code, message, sort }, acts: false });
            }
            Aim::Spoiled { spoil, acts, .. } => {
                case.treatments.push(Treatment { spoil: varied(spoil, &mut dice), acts })
            }
            Aim::Retried { spoil, acts, times } => {
                case.retries = RETRIES;
                let treatment = Treatment { spoil, acts };
                case.treatments = std::iter::repeat_n(treatment, times as usize).collect();
            }
        }
        Some(case)
    }
}

/// The same breaking off somewhere.
fn varied(spoil: Spoil, dice: &mut Dice) -> Spoil {
    let percent = 1 + u8::try_from(dice.below(99)).unwrap_or(0);
    match spoil {
        Spoil::Broken { .. } => Spoil::Broken { percent },
        Spoil::Truncated { .. } => Spoil::Truncated { percent },
        spoil => spoil,
    }
}

/// A message that the service might have written instead; documents do not promise its wording.
fn other_message(wording: Wording, dice: &mut Dice) -> Option<String> {
    let whole = |text: String| text.replace(':', " ");
    match wording {
        Wording::Own => None,
        Wording::Parted => Some(format!("{}: {}", dice.text(), dice.text())),
        Wording::Whole => Some(whole(match dice.below(3) {
            0 => format!("{}\n\"{}\" <{}>", dice.text(), dice.text(), dice.text()),
            1 => "x".repeat(LONG_TEXT),
            _ => dice.text(),
        })),
    }
}

fn aims(service: &Service, operation: &Operation, adapter: &Adapter) -> Vec<Aim> {
    let mut errors = errors(service, operation);
    if adapter.slow {
        // Each error comes in every wording; here they take turns: one each.
        let n_wordings = WORDINGS.len();
        let mut position = 0;
        errors.retain(|_| {
            let (error, wording) = (position / n_wordings, position % n_wordings);
            position += 1;
            error % n_wordings == wording
        });
    }
    let plain = if adapter.slow { PLAIN_SLOW } else { PLAIN };
    let lists = [
        vec![Aim::Forged; FORGED],
        spoiled_answers(),
        errors,
        arguments(operation),
        std::iter::repeat_n(Aim::Sequence, plain).collect(),
        retried(service, adapter),
    ];
    // Kinds of cases take turns, so that a short run sees all of them.
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|at| lists.iter().filter_map(move |list| list.get(at).cloned())).collect()
}

fn spoiled_answers() -> Vec<Aim> {
    let mut found = Vec::new();
    let mut add = |spoil: Spoil, acts: bool, of_success: bool| found.push(Aim::Spoiled { spoil, acts, of_success });
    for acts in [true, false] {
        for spoil in [Spoil::Empty, Spoil::Reset, Spoil::Closed, Spoil::Silence] {
            add(spoil, acts, true);
        }
    }
    for of_success in [true, false] {
        for spoil in [Spoil::Broken { percent: 50 }, Spoil::Truncated { percent: 50 }] {
            for _ in 0..3 {
                add(spoil.clone(), true, of_success);
            }
        }
        for content_type in CONTENT_TYPES {
            add(Spoil::ContentType(content_type.map(str::to_owned)), true, of_success);
        }
        for content_type in XML_TYPES {
            add(Spoil::Xml { content_type: (*content_type).to_owned() }, true, of_success);
        }
    }
    add(Spoil::Empty, true, false);
    for spoil in [Spoil::LowerCase, Spoil::Nameless] {
        add(spoil.clone(), true, false);
        add(spoil, true, false);
    }
    for _ in 0..3 {
        add(Spoil::Respelled, true, true);
    }
    for status in REDIRECTS {
        add(Spoil::Redirect { status: *status }, false, true);
    }
    for status in GATEWAYS {
        for page in [true, false] {
            add(Spoil::Gateway { status: *status, page }, false, true);
        }
    }
    found
}

/// Every error that the documents know, in every wording.
fn errors(service: &Service, operation: &Operation) -> Vec<Aim> {
    let rows = operation
        .rows
        .iter()
        .filter(|row| row.documented && !row.access)
        .flat_map(|row| row.codes.iter().map(|code| (code, row.status, &row.message, Sort::Ordinary)));
    let common = service.common.iter().map(|common| {
        let sort = match (common.means, common.status) {
            (Means::Throttled, _) => Sort::Throttling,
            (Means::Unavailable, Some(502..)) => Sort::Unavailable,
            (Means::Unavailable, _) => Sort::Internal,
            _ => Sort::Ordinary,
        };
        (&common.code, common.status, &common.message, sort)
    });
    let access = service
        .access
        .iter()
        .flat_map(|access| access.codes.iter().map(|code| (code, access.status, &access.message, Sort::Ordinary)));
    let mut found: Vec<Aim> = Vec::new();
    for (code, status, message, sort) in rows.chain(common).chain(access) {
        for code in codes(code) {
            for wording in WORDINGS {
                let status = status.unwrap_or(400);
                let aim = Aim::Error { status, code: code.clone(), message: message.clone(), sort, wording };
                if !found.contains(&aim) {
                    found.push(aim);
                }
            }
        }
    }
    found
}

/// A code that a pattern stands for: what may follow is left out where that makes a code, and is something plain elsewhere.
pub fn codes(code: &Code) -> Vec<String> {
    match code {
        Code::Exact(code) => vec![code.clone()],
        Code::Pattern { before, after } => {
            let whole = format!("{before}{after}");
            let is_code = !whole.is_empty() && !whole.ends_with('.');
            vec![if is_code { whole } else { format!("{before}Parameter{after}") }]
        }
        Code::Any => Vec::new(),
    }
}

fn arguments(operation: &Operation) -> Vec<Aim> {
    let mut found = Vec::new();
    for (index, param) in operation.params.iter().enumerate() {
        let kinds: &[Kind] = match param.kind {
            ParamType::Text if param.region => &[],
            ParamType::Text => &[Kind::Empty, Kind::Unicode, Kind::Reserved, Kind::Long],
            ParamType::Integer => &[Kind::One, Kind::Negative],
            ParamType::Boolean => &[Kind::Yes, Kind::No],
            ParamType::Texts => &[Kind::Empty, Kind::One, Kind::Several, Kind::Unicode, Kind::Long],
            ParamType::Objects => &[],
        };
        let absent = (!param.header).then_some(Kind::Absent);
        found.extend(kinds.iter().copied().chain(absent).map(|kind| Aim::Argument { param: index, kind }));
    }
    found
}

fn argument(param: ParamType, kind: Kind, current: Option<&Value>, dice: &mut Dice) -> Option<Value> {
    let text = |text: String| Some(Value::String(text));
    let id = |number: u64| Value::String(format!("m-aswritten{number}"));
    // A letter of every sort is in it, whatever the dice say.
    let unicode = |dice: &mut Dice| format!("{}é中😀", dice.text());
    match (param, kind) {
        (_, Kind::Absent) => None,
        (ParamType::Texts, Kind::Empty) => Some(Value::Array(Vec::new())),
        (ParamType::Texts, Kind::One) => Some(Value::Array(vec![id(1)])),
        (ParamType::Texts, Kind::Several) => Some((1..=12).map(id).collect()),
        (ParamType::Texts, Kind::Unicode) => Some(Value::Array(vec![id(1), unicode(dice).into()])),
        (ParamType::Texts, Kind::Long) => Some((1..=LONG_LIST).map(id).collect()),
        (ParamType::Integer, Kind::Negative) => Some(Value::from(-1)),
        (ParamType::Integer, _) => Some(Value::from(1)),
        (ParamType::Boolean, kind) => Some(Value::Bool(kind == Kind::Yes)),
        (_, Kind::Empty) => text(String::new()),
        (_, Kind::Unicode) => text(unicode(dice)),
        (_, Kind::Reserved) => text("a b+c&d=e%20*~/?#'\"\\(!)".to_owned()),
        (_, Kind::Long) => text("x".repeat(LONG_TEXT)),
        _ => current.cloned(),
    }
}

/// Troubles with retries asked for, where the SDK has an option for that.
fn retried(service: &Service, adapter: &Adapter) -> Vec<Aim> {
    if adapter.retries.is_none() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut add = |spoil: &Spoil, acts: bool, times: u32| {
        found.push(Aim::Retried { spoil: spoil.clone(), acts, times });
    };
    for aim in errors_of(service, Means::Throttled).into_iter().chain(errors_of(service, Means::Unavailable)) {
        for times in 1..=RETRIES + 1 {
            add(&aim, false, times);
        }
    }
    for spoil in [Spoil::Reset, Spoil::Closed, Spoil::Empty, Spoil::Gateway { status: 503, page: true }] {
        for acts in [true, false] {
            add(&spoil, acts, 1);
        }
    }
    add(&Spoil::Gateway { status: 500, page: true }, false, 1);
    add(&Spoil::Silence, true, 1);
    found
}

fn errors_of(service: &Service, means: Means) -> Vec<Spoil> {
    let common = service.common.iter().filter(|common| common.means == means);
    let sort = if means == Means::Throttled { Sort::Throttling } else { Sort::Internal };
    common
        .flat_map(|common| {
            codes(&common.code).into_iter().map(|code| Spoil::Refusal {
                status: common.status.unwrap_or(400),
                code,
                message: common.message.clone(),
                sort: if common.status.is_some_and(|status| status > 501) { Sort::Unavailable } else { sort },
            })
        })
        .collect()
}

/// Why an attempt with this treatment might be sent again; none where its answer settles the call.
pub fn cause(treatment: &Treatment) -> Option<Cause> {
    match &treatment.spoil {
        Spoil::Refusal { sort: Sort::Throttling, .. } => Some(Cause::Throttling),
        Spoil::Refusal { sort: Sort::Internal | Sort::Unavailable, .. } => Some(Cause::Unavailable),
        Spoil::Refusal { .. } => None,
        Spoil::Gateway { .. } | Spoil::Reset | Spoil::Closed | Spoil::Silence => Some(Cause::Network),
        _ => None,
    }
}
