//! An attempt does nothing by itself.

#![deny(unused_must_use)]

use wouldblock::sync::Mutex;

fn main() {
    let mutex: Mutex<_> = Mutex::new(0);
    let _lock = mutex.lock();
}
