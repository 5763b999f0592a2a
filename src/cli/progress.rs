//! A bar on stderr, for people who watch.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{campaign::Event, report::number};

/// Shows how far a run is; nothing where nobody watches.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "{bar:24} {pos}/{len} cases  {msg}  {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if shown {
            // The search for sequences comes before the first case, and may take a while.
            bar.set_message("looking for sequences of calls");
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
        }
        Self { bar }
    }

    pub fn tell(&self, event: &Event) {
        match event {
            Event::Started { cases } => self.bar.set_length(*cases),
            Event::Case { done, requests, findings } => {
                self.bar.set_position(*done);
                let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
                let rate = (*requests as f64 / seconds) as u64;
                let (requests, findings) = (number(*requests), number(*findings as u64));
                self.bar.set_message(format!("{requests} requests ({rate}/s)  {findings} findings"));
            }
            Event::Shrinking { key, commands, .. } => {
                self.bar.set_message(format!("shrinking {key} ({commands} commands)"))
            }
            Event::Finished => self.bar.finish_and_clear(),
        }
    }
}
