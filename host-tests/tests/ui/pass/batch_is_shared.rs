//! A batch stays on the CPU that has issued its flushes, so it is not `Sync`.

use wouldblock::cache::{Batch, Cache};

fn is_shared<T: Sync>() {}

fn main() {
    let _: fn() -> (Option<Cache>, Option<Batch<'static>>) = || (None, None);
    is_shared::<Cache>();
}
