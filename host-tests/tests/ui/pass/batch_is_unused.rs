//! The drop of a batch waits, which is easy to overlook: an unused batch is a warning.

#![deny(unused_must_use)]

use wouldblock::cache::Cache;

fn main() {
    let cache = Cache::get().unwrap();
    let _batch = cache.batch();
}
