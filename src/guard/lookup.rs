//! Is an id that ought to be missing really missing?

use std::collections::BTreeSet;

use super::{ledger::Ledger, reads};
use crate::{
    endpoint::{Call, Sent},
    history::Reply,
    model::view,
    spec::{Operation, SpecSet, operation::Row, service::Means},
};

/// Sends a read.
pub type Ask<'a> = &'a (dyn Fn(Call) -> Sent<'a, Reply> + Sync);

/// What a lookup shows.
#[derive(Debug, PartialEq, Eq)]
pub enum Sight {
    /// Nothing but what is the run's own.
    Missing,
    /// It cannot be said that it is missing, and why.
    Doubtful(String),
}

/// Looks ids of a kind up, as few calls as the read allows.
pub async fn look_up(
    set: &SpecSet,
    service: usize,
    kind: usize,
    ids: &[&str],
    region: &str,
    ledger: &Ledger,
    ask: Ask<'_>,
) -> Result<(), String> {
    let described = &set.services[service];
    let name = &described.kinds[kind].name;
    let way = reads::by_id(set, service, kind).ok_or_else(|| format!("no read shows whether {name}s are there"))?;
    for chunk in ids.chunks(way.most_ids()) {
        let call = way.call(chunk, region, None).ok_or_else(|| format!("{} cannot be called", way.operation.name))?;
        let several = chunk.len() > 1;
        match sight(set, service, &way, &ask(call).await, ledger) {
            Sight::Missing => {}
            // One bad id spoils the answer for all; each by itself then.
            Sight::Doubtful(_) if several => {
                for id in chunk {
                    let call = way.call(&[id], region, None);
                    let call = call.ok_or_else(|| format!("{} cannot be called", way.operation.name))?;
                    if let Sight::Doubtful(why) = sight(set, service, &way, &ask(call).await, ledger) {
                        return Err(format!("`{id}` ought to be missing, and {why}"));
                    }
                }
            }
            Sight::Doubtful(why) => return Err(format!("`{}` ought to be missing, and {why}", chunk[0])),
        }
    }
    Ok(())
}

fn sight(set: &SpecSet, service: usize, way: &reads::Way<'_>, reply: &Reply, ledger: &Ledger) -> Sight {
    let described = &set.services[service];
    let name = &way.operation.name;
    match reply {
        Reply::Success { fields, .. } => {
            let Some(seen) = view::observe(way.view, fields) else {
                return Sight::Doubtful(format!("the answer of {name} has no list"));
            };
            let foreign: BTreeSet<&str> = seen
                .elements
                .iter()
                .map(|element| &*element.id)
                .filter(|id| !ledger.owns(&described.name, id))
                .collect();
            match foreign.first() {
                Some(id) => Sight::Doubtful(format!("{name} shows `{id}`")),
                None if !seen.complete => Sight::Doubtful(format!("{name} does not show everything")),
                None => Sight::Missing,
            }
        }
        Reply::Refused { code, .. } if says_missing(described, way.operation, code) => Sight::Missing,
        other => Sight::Doubtful(format!("{name} answers {}", other.brief())),
    }
}

/// The code says that there is no such thing, or that no such thing can be.
fn says_missing(service: &crate::spec::Service, operation: &Operation, code: &str) -> bool {
    let names = |row: &Row| row.codes.iter().any(|known| known.matches(code));
    let about_ids = operation.rows.iter().filter(|row| !row.each.is_empty()).any(names);
    about_ids || service.means(code) == Some(Means::Invalid)
}
