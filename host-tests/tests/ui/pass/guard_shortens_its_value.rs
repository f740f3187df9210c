//! A guard can write, so a value with a shorter lifetime must not get in.

use wouldblock::sync::{Mutex, MutexGuard};

static NAME: Mutex<&'static str> = Mutex::new("");

fn shorten<'a>(guard: MutexGuard<'a, &'static str>) -> MutexGuard<'a, &'static str> {
    guard
}

fn main() {
    let _ = shorten(NAME.try_lock().unwrap());
}
