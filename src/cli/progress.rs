//! A bar on stderr, for people who watch.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{campaign::Event, report::number};

/// Shows how far a run is; nothing where nobody watches.
pub struct Progress {
    bar: ProgressBar,
}

/// The same for any count of things.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar that counts `things`; `before` is what happens before the first is done.
    pub fn new(quiet: bool, things: &str, before: &'static str) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = format!("{{bar:24}} {{pos}}/{{len}} {things}  {{msg}}  {{elapsed}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        if shown {
            bar.set_message(before);
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
        }
        Self(bar)
    }

    /// So many are done of so many; nothing is left once all are.
    pub fn set(&self, done: u64, of: u64, message: &str) {
        self.0.set_length(of);
        self.0.set_position(done);
        self.0.set_message(message.to_owned());
        if done == of {
            self.0.finish_and_clear();
        }
    }
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        // The search for sequences comes before the first case, and may take a while.
        Self { bar: Bar::new(quiet, "cases", "looking for sequences of calls").0 }
    }

    pub fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Started { cases, .. } => self.bar.set_length(*cases),
            Event::Progress { done, requests, findings } => {
                // Cases that are run again come on top.
                self.bar.set_length(self.bar.length().unwrap_or(0).max(*done));
                self.bar.set_position(*done);
                let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
                let rate = (*requests as f64 / seconds) as u64;
                let (requests, findings) = (number(*requests), number(*findings as u64));
                self.bar.set_message(format!("{requests} requests ({rate}/s)  {findings} findings"));
            }
            Event::Shrinking { key, commands } => {
                self.bar.set_message(format!("shrinking {key} ({commands} commands)"))
            }
            Event::Finished => self.bar.finish_and_clear(),
            Event::Begun { .. }
            | Event::Judged(_)
            | Event::Confirmed(_)
            | Event::Superseded { .. }
            | Event::Shrunk(_) => {}
        }
    }
}
