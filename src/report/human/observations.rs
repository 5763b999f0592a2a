//! What the endpoint answered to questions that the documents leave open.

use super::{
    WIDTH,
    style::{FAINT, STRONG, paint, wrap},
};
use crate::{
    campaign::outcome::Observation,
    report::{Context, number},
};

pub fn text(context: &Context<'_>) -> String {
    let observations = &context.outcome.observations;
    let mut out = String::new();
    let mut questions: Vec<&str> = observations.iter().map(|seen| &*seen.question).collect();
    questions.sort_unstable();
    questions.dedup();
    if questions.is_empty() {
        return out;
    }
    out.push_str(&format!("{}\n", paint(STRONG, "open questions, and what this endpoint answers")));
    for id in questions {
        let asked = context.set.requirements().find(|(_, _, requirement)| requirement.id == id);
        let question = asked.map_or("", |(_, _, requirement)| &*requirement.text);
        out.push_str(&format!("  {id}\n"));
        for line in wrap(question, WIDTH - 4) {
            out.push_str(&format!("    {}\n", paint(FAINT, &line)));
        }
        for seen in observations.iter().filter(|seen| seen.question == id) {
            out.push_str(&format!("    → {}\n", answer(seen)));
        }
    }
    out
}

fn answer(seen: &Observation) -> String {
    let times = if seen.times == 1 { "once".to_owned() } else { format!("{} times", number(seen.times)) };
    match &seen.choice {
        Some(choice) if *choice != seen.answer => format!("{choice}: {} ({times})", seen.answer),
        _ => format!("{} ({times})", seen.answer),
    }
}
