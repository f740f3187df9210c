//! Cache flush in ring 0. QEMU runs a flush as a no-op; where it has no such instruction it raises
//! #UD.

use pc::Board;
use wouldblock::{
    attempt::{Attempt, Progress},
    cache::{Cache, LINES_PER_STEP},
};

fn flushed_in_steps(_: &'static Board) {
    let cache = Cache::get().expect("a cache that can be flushed");
    assert_eq!(Cache::detect(), Some(cache));
    assert_eq!(cache.line(), 64);
    static MEMORY: [u8; 64 * 200] = [5; 64 * 200];
    let mut batch = cache.batch();
    batch.flush(&MEMORY);
    let mut tries = 0;
    while batch.attempt().is_err() {
        tries += 1;
        assert_eq!(batch.progress() % LINES_PER_STEP, 0);
    }
    assert!(tries >= 2);
    assert!(batch.progress() >= 200);
    batch.wait();
    cache.write_back_range(&MEMORY[1..2]);
    cache.flush_range(&MEMORY[..0]);
    assert!(MEMORY.iter().all(|&byte| byte == 5));
}
pc::test!(flushed_in_steps);
