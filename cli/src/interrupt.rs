//! How a run ends that a signal interrupts: at once, or where it is a training, after the step at hand and with a checkpoint. What is removed first is `leftovers.rs`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::output::tell;

/// What shells give for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Signals that come together are one: a terminal that is gone says so twice, and `timeout` ends the program and its group.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Ends the program as Ctrl-C would have, whichever the signal was: a shell takes an exit code, whichever, for a sign that it was dealt with, and goes on with its loop.
pub fn end() -> ! {
    #[cfg(unix)]
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGINT);
    std::process::exit(INTERRUPTED)
}

/// Calls `act` at every signal that would end the program (Ctrl-C, SIGTERM, a terminal that is gone), on a thread of its own. Where signals cannot be caught, things are
/// as they would be without this. Where one of them is ignored (`nohup`, a script's background), it has to stay so: the others are caught then.
pub fn on_signal(act: impl FnMut() + Clone + Send + 'static) {
    let caught = ctrlc::try_set_handler(act.clone());
    #[cfg(unix)]
    if caught.is_err()
        && let Ok(mut signals) = signal_hook::iterator::Signals::new(not_ignored())
    {
        let mut act = act;
        std::thread::spawn(move || signals.forever().for_each(|_| act()));
    }
    #[cfg(not(unix))]
    drop(caught);
}

/// The signals that would end the program: those that are not ignored, as Linux says, or elsewhere the one that hardly ever is.
#[cfg(unix)]
fn not_ignored() -> Vec<i32> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(ignored) => {
            [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0).collect()
        }
        None => vec![SIGTERM],
    }
}

/// Becomes true with the first signal that would end the program (Ctrl-C, SIGTERM, a terminal that is gone); a later one ends it.
pub fn stop() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&stop);
    let mut first = None;
    on_signal(move || {
        set.store(true, Ordering::Relaxed);
        match first {
            None => {
                first = Some(Instant::now());
                tell("stopping after this step, with a checkpoint; a second signal stops at once");
            }
            Some(first) if first.elapsed() > AT_ONCE => end(),
            Some(_) => {}
        }
    });
    stop
}
