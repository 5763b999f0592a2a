//! The kill table as one JSON object. Fields are only ever added.

use serde_json::{Map, Value, json};

use super::{Costs, Ends, Spread, groups, is_blamed};
use crate::{
    mutant::{
        Fate, KillTable,
        kill::{Kill, MutantResult, Trial},
    },
    spec::SpecSet,
};

/// Version of the object.
const SCHEMA: u64 = 1;

/// The object, ending in a line break.
pub fn text(set: &SpecSet, table: &KillTable) -> String {
    let mut text = serde_json::to_string_pretty(&value(set, table)).unwrap_or_default();
    text.push('\n');
    text
}

/// The object.
pub fn value(set: &SpecSet, table: &KillTable) -> Value {
    let by = |name: &str, groups: Vec<(&str, Vec<&MutantResult>)>| -> Value {
        let group = |(id, list): (&str, Vec<&MutantResult>)| {
            let mut object = Map::from_iter([(name.to_owned(), Value::from(id))]);
            sums(&mut object, &Ends::of(list.iter().copied()), &Costs::of(list));
            Value::Object(object)
        };
        groups.into_iter().map(group).collect()
    };
    let mut whole = Map::from_iter([
        ("schema".to_owned(), Value::from(SCHEMA)),
        ("seeds".to_owned(), table.seeds.clone().into()),
        ("aimed".to_owned(), table.aimed.into()),
        ("seconds".to_owned(), Value::from((table.seconds * 1000.0).round() / 1000.0)),
        ("interrupted".to_owned(), table.interrupted.into()),
    ]);
    sums(&mut whole, &Ends::of(&table.results), &Costs::of(&table.results));
    let operations = groups(&table.results, |result| &set.operation(result.mutant.at).id);
    whole.insert("operations".into(), by("operation", operations));
    whole.insert("operators".into(), by("operator", groups(&table.results, |result| result.mutant.operator)));
    whole.insert("mutants".into(), table.results.iter().map(|result| mutant(set, result)).collect());
    Value::Object(whole)
}

fn sums(object: &mut Map<String, Value>, ends: &Ends, costs: &Costs) {
    let spread = |spread: Option<Spread>| spread.map(|spread| json!({ "median": spread.median, "max": spread.max }));
    let fields = [
        ("n_mutants", ends.mutants.into()),
        ("killed", ends.killed.into()),
        ("survived", ends.survived.into()),
        ("not_struck", ends.not_struck.into()),
        ("allowed", ends.allowed.into()),
        ("requests_to_failure", spread(costs.requests_to_failure).into()),
        ("shrunk_commands", spread(costs.shrunk_commands).into()),
        ("shrink_requests", spread(costs.shrink_requests).into()),
        ("kills", costs.kills.into()),
        ("blamed_rightly", costs.blamed_rightly.into()),
    ];
    object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
}

fn mutant(set: &SpecSet, result: &MutantResult) -> Value {
    let mutant = &result.mutant;
    let kill = result.kills().next();
    let requirement = |(at, index): (_, usize)| &set.operation(at).requirements[index].id;
    json!({
        "id": mutant.id,
        "operator": mutant.operator,
        "operation": set.operation(mutant.at).id,
        "breaks": mutant.broken(set),
        "text": mutant.text,
        "status": result.worst().map_or("not-struck", |trial| trial.fate.name()),
        "by": kill.map(|kill| requirement(kill.by)),
        "blamed": kill.map(|kill| if is_blamed(result, kill) { "same" } else { "other" }),
        "requests_to_failure": kill.map(|kill| kill.requests_to_failure),
        "shrunk_commands": kill.and_then(|kill| kill.shrunk).map(|shrunk| shrunk.commands),
        "shrink_requests": kill.and_then(|kill| kill.shrunk).map(|shrunk| shrunk.requests),
        "shortest_commands": kill.and_then(|kill| kill.shortest_commands),
        "struck": result.struck(),
        "trials": result.trials.iter().map(|found| trial(set, result, found)).collect::<Vec<_>>(),
    })
}

/// What one seed made of it.
fn trial(set: &SpecSet, result: &MutantResult, trial: &Trial) -> Value {
    let mut object = json!({ "status": trial.fate.name(), "struck": trial.struck, "requests": trial.requests });
    match &trial.fate {
        Fate::Killed(found) => object["kill"] = kill(set, result, found),
        Fate::Survived { missed } | Fate::NotStruck { missed } => object["missed"] = missed.clone().into(),
        Fate::Allowed(proof) => {
            object["proof"] = json!({
                "scripts": proof.scripts, "struck": proof.struck, "states": proof.states, "depth": proof.depth,
            });
        }
    }
    object
}

fn kill(set: &SpecSet, result: &MutantResult, kill: &Kill) -> Value {
    json!({
        "by": set.operation(kill.by.0).requirements[kill.by.1].id,
        "blamed": if is_blamed(result, kill) { "same" } else { "other" },
        "key": kill.key,
        "nature": kill.nature.name(),
        "counts": kill.counts,
        "summary": kill.summary,
        "requests_to_failure": kill.requests_to_failure,
        "shrunk_commands": kill.shrunk.map(|shrunk| shrunk.commands),
        "shrunk_lanes": kill.shrunk.map(|shrunk| shrunk.lanes),
        "shrunk_longest_lane": kill.shrunk.map(|shrunk| shrunk.longest_lane),
        "shrink_requests": kill.shrunk.map(|shrunk| shrunk.requests),
        "shortest_commands": kill.shortest_commands,
        "stable": kill.stable,
    })
}
