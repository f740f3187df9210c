//! A thread that may be abandoned while it runs.

use std::{
    panic,
    sync::mpsc::{self, Sender},
    thread::Builder,
};

/// The stack size of such a thread. Small, because an abandoned thread keeps its stack.
const STACK: usize = 512 << 10;

/// Runs `body` on a thread of its own, and returns what it returns. If `body` sends a value before
/// it returns, that value is returned and the thread is abandoned: after sending, `body` must not
/// use anything that is shared with other threads. A panic of `body` continues here.
pub(super) fn apart<R: Send + 'static>(body: impl FnOnce(Sender<R>) -> R + Send + 'static) -> R {
    let (sender, end) = mpsc::channel();
    let spawned = Builder::new().name("sweep".into()).stack_size(STACK).spawn(move || {
        let end = body(sender.clone());
        _ = sender.send(end);
    });
    let thread = match spawned {
        Ok(thread) => thread,
        Err(error) => panic!("no thread for a run: {error}"),
    };
    match end.recv() {
        Ok(end) => end,
        Err(_) => match thread.join() {
            Err(payload) => panic::resume_unwind(payload),
            Ok(()) => unreachable!("a thread that returns has sent"),
        },
    }
}
