//! `aswritten run --dry-plan`: what would be sent.

use std::{collections::BTreeMap, fmt::Write};

use super::run::Limit;
use crate::{
    campaign::settings::{MOST_LEFT_OUT, n_cases},
    cli::connect::Plan,
    generate::{Generator, permit::Cost},
    report::count,
    sequence::{Purpose, command::line},
    spec::SpecSet,
};

/// The scripts of a run in order, with what they create. Nobody is called, so that what a run would discover is unknown.
pub fn text(set: &SpecSet, plan: &Plan, seed: &str, limit: Limit) -> String {
    let options = plan.offline_options();
    let generator = Generator::new(set, &plan.operations, seed, options);
    let n_cases = limit.cases.unwrap_or_else(|| n_cases(&generator));
    let mut text = String::new();
    let mut total = Cost::default();
    // Requests with those that come on top, which a budget has to suffice for as well.
    let mut spent = 0;
    let mut requests = 0;
    let mut n_shown = 0;
    let mut left_out = 0;
    for number in 0..n_cases {
        let Some(mut script) = generator.case(number) else { break };
        let mut cost = Cost::of(set, &script);
        let left = limit.requests.map(|most| most.saturating_sub(spent));
        if let Some(left) = left.filter(|left| cost.requests > *left) {
            if left == 0 || left_out >= MOST_LEFT_OUT {
                break;
            }
            left_out += 1;
            let Some(part) = generator.part(number, &script, left) else { continue };
            cost = Cost::of(set, &part);
            script = part;
        }
        spent += cost.requests;
        requests += script.commands.len() as u64;
        n_shown += 1;
        let _ = writeln!(text, "case {number}{}", created(set, &cost));
        for command in &script.commands {
            let waits = if command.until.is_some() { ", until it shows what is waited for" } else { "" };
            let mark = match command.purpose {
                Purpose::Call => "*",
                Purpose::Setup | Purpose::Read => " ",
            };
            let _ = writeln!(text, "  {mark} {}{waits}", line(set, command));
        }
        total.paid += cost.paid;
        for (place, made) in cost.made {
            *total.made.entry(place).or_default() += made;
        }
    }
    let _ = writeln!(
        text,
        "{}, {} and more (repeated reads, lookups and clean-up come on top){}",
        count(n_shown, "case"),
        count(requests, "request"),
        created(set, &total)
    );
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in generator.unplanned.values() {
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, times) in reasons {
        let _ = writeln!(text, "not exercised, {times}: {reason}");
    }
    // What a budget is worth shows only when it is spent.
    let about = if limit.requests.is_some() { "about the same, as far as its budget goes" } else { "the same" };
    let _ = writeln!(text, "seed {seed}; with the same seed a run sends {about}");
    text
}

fn created(set: &SpecSet, cost: &Cost) -> String {
    if cost.made.is_empty() {
        return String::new();
    }
    let made = cost.made.iter().map(|((service, kind), made)| {
        let described = &set.services[*service];
        format!("{made} {}/{}", described.name, described.kinds[*kind].name)
    });
    let paid = if cost.paid > 0 { format!(", {} of the calls cost money", cost.paid) } else { String::new() };
    format!("; creates {}{paid}", made.collect::<Vec<_>>().join(", "))
}
