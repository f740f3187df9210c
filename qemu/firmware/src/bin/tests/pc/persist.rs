//! A region and its log in ring 0, on ordinary memory. Whether they survive a power failure is
//! tested elsewhere.

use board::Board;
use wouldblock::{
    cache::Cache,
    nb,
    persist::{Domain, Region, log::Log},
};

const SIZE: usize = 4096;

#[repr(align(64))]
struct Memory([u8; SIZE]);

fn region(memory: &mut Memory, domain: Domain) -> Region<'_> {
    let cache = Cache::get().expect("a cache that can be flushed");
    Region::new(&mut memory.0, cache, domain).expect("aligned")
}

fn copied_and_zeroed(_: &'static Board) {
    let mut memory = Memory([0xee; SIZE]);
    for domain in [Domain::MemoryController, Domain::Caches] {
        let mut region = region(&mut memory, domain);
        // Long enough that non-temporal stores are used.
        assert_eq!(region.copy_persist(5, &[7; 2000]), Ok(()));
        assert!(region.bytes()[5..2005].iter().all(|&byte| byte == 7));
        assert_eq!(region.zero_persist(5..2005), Ok(()));
        assert!(region.bytes()[5..2005].iter().all(|&byte| byte == 0));
        assert!([4, 2005].map(|at| region.bytes()[at]) == [0xee; 2]);
    }
}
crate::registry::test!(copied_and_zeroed);

fn a_log_is_full_and_recovered(_: &'static Board) {
    let mut memory = Memory([0xee; SIZE]);
    let mut log = Log::create(region(&mut memory, Domain::MemoryController)).expect("a log");
    let mut count = 0;
    loop {
        match log.try_append(b"a record of no great length") {
            Ok(sequence) => count = sequence,
            Err(error) => break assert_eq!(error, nb::Error::WouldBlock),
        }
    }
    drop(log);
    let log = Log::recover(region(&mut memory, Domain::MemoryController)).expect("a log");
    assert!(count > 50 && log.records().count() as u64 == count);
    for record in log.records() {
        assert_eq!(log.read(&record, &mut [0; 40]), Ok(&b"a record of no great length"[..]));
    }
}
crate::registry::test!(a_log_is_full_and_recovered);
