//! A mutex has no event: its lock can be blocked on, or awaited only by saying that it is polled.

use wouldblock::{Attempt, sync::Mutex};

async fn awaits(mutex: &Mutex<u8>) {
    let lock = mutex.lock();
    let _ = lock.await;
}

fn main() {
    drop(awaits(&Mutex::new(0)));
}
