//! The moments at which handlers begin and end, for a program that records them. Without the feature
//! `observed` the functions of `unobserved.rs` are in this place. They are empty.

use core::cell::Cell;

use critical_section::Mutex;

/// What is called at each begin and end of a handler, with the counter's reading: what is spent on the
/// interrupt begins or ends there.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// Before the handler.
    pub begins: fn(u64),
    /// After it.
    pub ends: fn(u64),
}

static OBSERVER: Mutex<Cell<Option<Observer>>> = Mutex::new(Cell::new(None));

/// Has each handler observed from now on.
pub fn observe(observer: Observer) {
    critical_section::with(|section| OBSERVER.borrow(section).set(Some(observer)));
}

fn observer() -> Option<Observer> {
    critical_section::with(|section| OBSERVER.borrow(section).get())
}

/// For boards: a handler is called next. What is spent on it began at `start`.
pub fn begins(start: u64) {
    if let Some(observer) = observer() {
        (observer.begins)(start);
    }
}

/// For boards: the handler has returned, and nothing more is spent on it. `now` reads the counter.
pub fn ends(now: impl FnOnce() -> u64) {
    let end = now();
    if let Some(observer) = observer() {
        (observer.ends)(end);
    }
}
