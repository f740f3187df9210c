//! A batch stays on the CPU that has issued its flushes, so it is not `Send`.

use wouldblock::cache::{Batch, Cache};

fn is_sent<T: Send>() {}

fn main() {
    let _: fn() -> (Option<Cache>, Option<Batch<'static>>) = || (None, None);
    is_sent::<Batch<'static>>();
}
