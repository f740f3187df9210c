//! Memory that is being flushed is borrowed until the batch ends.

use wouldblock::cache::Cache;

fn main() {
    let (mut flushed, mut other) = ([0_u8; 64], [0_u8; 64]);
    let mut batch = Cache::get().unwrap().batch();
    batch.flush(&flushed);
    flushed[0] = 1;
    batch.wait();
    assert_eq!(flushed[0] + other[0], flushed[0] + other[0]);
}
