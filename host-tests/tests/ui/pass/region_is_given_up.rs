//! A log owns its region.

use wouldblock::{
    cache::Cache,
    persist::{Domain, Region, log::Log},
};

#[repr(align(64))]
struct Memory([u8; 4096]);

fn main() {
    let mut memory = Memory([0; 4096]);
    let cache = Cache::get().unwrap();
    let mut region = Region::new(&mut memory.0, cache, Domain::Caches).unwrap();
    region.drain();
    let mut log = Log::create(region).unwrap();
    log.clear();
    log.clear();
}
