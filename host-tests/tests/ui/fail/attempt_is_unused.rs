//! An attempt does nothing until it is tried, blocked on or awaited.

#![deny(unused_must_use)]

use wouldblock::sync::Mutex;

fn main() {
    let mutex: Mutex<_> = Mutex::new(0);
    mutex.lock();
}
