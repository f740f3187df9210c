//! `persist`: a region of ordinary memory, as far as a program can see its effects, and the log on
//! it. `crash` tests what a power cut leaves, and `cache_instructions` which instructions are
//! executed.

#![cfg(target_arch = "x86_64")]

use std::{cell::Cell, error::Error};

use static_assertions::assert_not_impl_any;
use wouldblock::{
    cache::Cache,
    nb,
    persist::{
        Domain, Memory as _, Misaligned, OutOfBounds, Region,
        log::{self, Log, TooLong},
    },
};

assert_not_impl_any!(Region<'static>: Send, Sync, Clone);

const SIZE: usize = 8192;

#[repr(align(64))]
struct Memory([u8; SIZE]);

fn memory() -> Box<Memory> {
    Box::new(Memory([0xee; SIZE]))
}

fn region(memory: &mut Memory, domain: Domain) -> Region<'_> {
    let cache = Cache::get().expect("every x86_64 CPU has CLFLUSH");
    Region::new(&mut memory.0, cache, domain).expect("aligned")
}

const DOMAINS: [Domain; 2] = [Domain::MemoryController, Domain::Caches];

const SIZES: [usize; 12] = [0, 1, 7, 63, 64, 65, 127, 128, 1023, 1024, 1025, 4000];
const PLACES: [usize; 6] = [0, 1, 8, 63, 64, 100];

fn source() -> Vec<u8> {
    (0..SIZE).map(|n| ((n * 31) >> 2) as u8).collect()
}

/// Whether the copy is there and nothing else has changed.
fn is_copied(bytes: &[u8], at: usize, from: &[u8]) -> bool {
    let end = at + from.len();
    bytes[at..end] == *from && bytes[..at].iter().chain(&bytes[end..]).all(|&byte| byte == 0xee)
}

#[test]
fn copies_of_every_size_at_every_alignment_are_exact() {
    let from = source();
    for (domain, at) in DOMAINS.into_iter().flat_map(|d| PLACES.map(|at| (d, at))) {
        for length in SIZES {
            let mut memory = memory();
            let mut region = region(&mut memory, domain);
            region.copy_persist(at, &from[3..3 + length]).unwrap();
            assert!(is_copied(region.bytes(), at, &from[3..3 + length]), "{length} at {at}");
            region.zero_persist(at..at + length).unwrap();
            drop(region);
            assert!(is_copied(&memory.0, at, &vec![0; length]), "{length} at {at}");
        }
    }
}

/// A program in C chooses the size from which copies use non-temporal stores.
#[test]
fn copies_are_exact_whichever_way_they_go() {
    use wouldblock::c::{Domain, Region, Status, wb_cache_get, wb_region_copy, wb_region_new};
    let from = source();
    for (non_temporal_from, at) in
        [0, usize::MAX].into_iter().flat_map(|n| PLACES.map(|at| (n, at)))
    {
        for length in SIZES {
            let mut memory = memory();
            // SAFETY: all zeros is a value of both types, and both are written next. The memory
            // outlives the region, and nothing else uses it meanwhile.
            unsafe {
                let (mut cache, mut region) = std::mem::zeroed::<(_, Region)>();
                assert_eq!(wb_cache_get(&mut cache), Status::Ok);
                let start = memory.0.as_mut_ptr().cast();
                let domain = Domain::MemoryController as u32;
                assert_eq!(wb_region_new(&mut region, start, SIZE, &cache, domain), Status::Ok);
                region.non_temporal_from = non_temporal_from;
                let source = from[3..].as_ptr().cast();
                assert_eq!(wb_region_copy(&region, at, source, length), Status::Ok);
            }
            assert!(is_copied(&memory.0, at, &from[3..3 + length]), "{length} at {at}");
        }
    }
}

/// The words of a region end where it ends: words beyond it are refused as documented, and no word
/// number wraps to the beginning.
#[test]
fn no_word_beyond_a_region_wraps() {
    let mut memory = memory();
    let mut region = region(&mut memory, Domain::MemoryController);
    let words = SIZE / 8;
    assert_eq!(region.words(), words);
    wouldblock::persist::Memory::flush(&mut region, 0..words);
    for beyond in [words + 1, 1 << 61, (1 << 61) + 1, usize::MAX] {
        for words in [0..beyond, beyond - 1..beyond, 1 << 61..(1 << 61) + 1] {
            let flush = || wouldblock::persist::Memory::flush(&mut region, words.clone());
            let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(flush));
            assert!(refused.is_err(), "{words:?}");
        }
    }
}

#[test]
fn what_is_out_of_bounds_changes_nothing() {
    let mut memory = memory();
    let mut region = region(&mut memory, Domain::MemoryController);
    assert_eq!(region.copy_persist(SIZE - 3, &[1; 4]), Err(OutOfBounds));
    assert_eq!(region.copy_persist(usize::MAX, &[1; 4]), Err(OutOfBounds));
    assert_eq!(region.zero_persist(0..SIZE + 1), Err(OutOfBounds));
    assert_eq!(region.persist(SIZE..SIZE + 1), Err(OutOfBounds));
    #[expect(clippy::reversed_empty_ranges, reason = "a caller may miscalculate")]
    let reversed = 5..4;
    assert_eq!(region.flush(reversed), Err(OutOfBounds));
    assert_eq!(region.persist(SIZE..SIZE), Ok(()));
    assert_eq!(region.copy_persist(SIZE, &[]), Ok(()));
    assert!(region.bytes().iter().all(|&byte| byte == 0xee));
}

#[test]
fn a_region_begins_at_a_line() {
    let mut memory = memory();
    let cache = Cache::get().unwrap();
    let misaligned = Region::new(&mut memory.0[8..], cache, Domain::Caches);
    assert_eq!(misaligned.map(|_| ()), Err(Misaligned));
}

fn memory_of(bytes: usize) -> Vec<u8> {
    vec![7; bytes]
}

fn records<M: wouldblock::persist::Memory>(log: &Log<M>) -> Vec<(u64, Vec<u8>)> {
    let of = |record| (log.read(&record, &mut [0; 500]).unwrap().to_vec(), record);
    log.records().map(of).map(|(bytes, record)| (record.sequence, bytes)).collect()
}

#[test]
fn every_form_appends_and_all_is_recovered() -> Result<(), Box<dyn Error>> {
    for domain in DOMAINS {
        let mut memory = memory();
        let mut log = Log::create(region(&mut memory, domain))?;
        assert_eq!(log.try_append(b"one try"), Ok(1));
        assert_eq!(log.append(b"to the end", |_| unreachable!("there is room")), Ok(2));
        let mut batch = log.batch();
        assert_eq!(batch.try_append(b""), Ok(3));
        assert_eq!(batch.try_append(&[9; 300]), Ok(4));
        batch.wait();
        let expected =
            [(1, b"one try".to_vec()), (2, b"to the end".to_vec()), (3, vec![]), (4, vec![9; 300])];
        assert_eq!((records(&log), log.sequences()), (expected.to_vec(), 1..5));
        drop(log);

        assert_eq!(log::check(&region(&mut memory, domain)), Ok(()));
        let log = Log::recover(region(&mut memory, domain))?;
        assert_eq!(records(&log), expected);
        let first = log.records().next().unwrap();
        assert_eq!(log.read(&first, &mut [0; 3]), Ok(&b"one"[..])); // What fits.
    }
    Ok(())
}

#[test]
fn a_full_log_would_block_and_loses_nothing() {
    let mut memory = memory();
    let mut log = Log::create(region(&mut memory, Domain::MemoryController)).unwrap();
    let mut count = 0_u64;
    while log.try_append(&[7; 76]).is_ok() {
        count += 1;
    }
    assert_eq!(count, (SIZE as u64 - 128) / (24 + 80));
    // `room` bytes fit, and one more does not. After that there is no room.
    let room = log.room().expect("for a short record");
    assert_eq!(room as u64, (SIZE as u64 - 128) % (24 + 80) - 24);
    assert_eq!(log.try_append(&memory_of(room + 1)), Err(nb::Error::WouldBlock));
    assert_eq!(log.try_append(&memory_of(room)), Ok(count + 1));
    assert_eq!((log.room(), log.try_append(b"")), (None, Err(nb::Error::WouldBlock)));
    count += 1;
    assert_eq!(log.try_append(&[7; 76]), Err(nb::Error::WouldBlock));
    assert_eq!(log.batch().try_append(&[7; 76]), Err(nb::Error::WouldBlock));
    assert_eq!(log.try_append(&[7; SIZE]), Err(nb::Error::Other(TooLong)));
    assert_eq!(records(&log).len() as u64, count);

    // In the blocking form, the caller makes the room.
    let shipped = Cell::new(0);
    let sequence = log.append(&[8; 100], |log| {
        shipped.set(shipped.get() + log.records().count() as u64);
        log.clear();
    });
    assert_eq!((sequence, shipped.get()), (Ok(count + 1), count));
    assert_eq!(log.append(&[7; SIZE], |_| unreachable!()), Err(TooLong));
    drop(log);
    let log = Log::recover(region(&mut memory, Domain::MemoryController)).unwrap();
    assert_eq!(records(&log), [(count + 1, vec![8; 100])]);
    assert_eq!(log.sequences(), count + 1..count + 2);
}

#[test]
fn what_is_no_log_is_refused() {
    let mut memory = memory();
    assert_eq!(log::check(&region(&mut memory, Domain::Caches)), Err(log::Error::NotALog));
    let recovered = Log::recover(region(&mut memory, Domain::Caches));
    assert_eq!(recovered.map(drop), Err(log::Error::NotALog));
    let cache = Cache::get().unwrap();
    let small = Region::new(&mut memory.0[..128 + 16], cache, Domain::Caches).unwrap();
    assert_eq!(Log::create(small).map(drop), Err(log::Error::TooSmall));
}

/// The checksum covers every bit of a record: if any bit is flipped, the log ends before that
/// record.
#[test]
fn a_damaged_record_is_not_accepted() {
    let mut memory = memory();
    let mut log = Log::create(region(&mut memory, Domain::Caches)).unwrap();
    log.try_append(b"whole").unwrap();
    log.try_append(b"to be damaged").unwrap();
    drop(log);
    let at = 128 + 24 + 8;
    for bit in 0..8 * (24 + 16) {
        memory.0[at + bit / 8] ^= 1 << (bit % 8);
        let log = Log::recover(region(&mut memory, Domain::Caches)).unwrap();
        assert_eq!(records(&log), [(1, b"whole".to_vec())], "bit {bit}");
        drop(log);
        memory.0[at + bit / 8] ^= 1 << (bit % 8);
    }
    let log = Log::recover(region(&mut memory, Domain::Caches)).unwrap();
    assert_eq!(records(&log).len(), 2);
}
