//! Ctrl-C, and its brother for processes.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{exit_code::ExitCode, terminal};

/// Waits until someone wants the process to stop.
pub async fn stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Where signals cannot be had, only the end of the process stops it.
    let _ = tokio::signal::ctrl_c().await;
}

/// Sets the flag at the first signal; ends the process at the second.
pub fn watch(interrupted: Arc<AtomicBool>) {
    tokio::spawn(async move {
        stop().await;
        interrupted.store(true, Ordering::Relaxed);
        terminal::note("interrupted: finishing the cases under way and cleaning up; once more to stop at once");
        stop().await;
        process::exit(ExitCode::Interrupted as i32);
    });
}
