//! A mutex without lockers has no event: block on its lock, or await the lock as polled.

use wouldblock::{Attempt, sync::Mutex};

async fn awaits(mutex: &Mutex<u8>) {
    let lock = mutex.lock();
    let _ = lock.await;
}

fn main() {
    drop(awaits(&Mutex::new(0)));
}
