//! To end a batch by its drop is to wait: it should be said.

#![deny(unused_must_use)]

use wouldblock::cache::Cache;

fn main() {
    let cache = Cache::get().unwrap();
    cache.batch();
}
