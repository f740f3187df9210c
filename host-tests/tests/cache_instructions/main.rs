//! `cache` and `persist`: the flushes with their operands and the fences that are really executed,
//! for each vendor's path, on any CPU. The tests compare lists of mnemonics.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod c;
mod trace;

use std::{hint::black_box, ptr};

use trace::{Executed, executed};
use wouldblock::{
    cache::{
        Batch, Cache,
        Extra::{Cldemote, Clzero, Prefetchw},
        Instruction::{self, Clflush, Clflushopt, Clwb},
        LINES_PER_STEP, lfence, mfence, sfence, wbinvd, wbnoinvd,
    },
    persist::{Domain, Region},
};

/// A page of cache lines.
#[repr(align(4096))]
struct Page([u8; 4096]);
static PAGE: Page = Page([3; 4096]);

/// A CPU that need not be the host's.
fn cpu(flush: Instruction, write_back: Instruction, weak: bool) -> Cache {
    // SAFETY: the trace skips the instructions that it executes.
    unsafe { Cache::new(64, flush, write_back, weak) }
}

fn mnemonics(run: impl FnOnce()) -> Vec<&'static str> {
    executed(run).into_iter().map(|executed| executed.mnemonic).collect()
}

/// The instructions for two lines that are written back, two that are flushed, and `end`.
fn four_lines(cache: Cache, end: fn(Batch<'static>)) -> Vec<&'static str> {
    mnemonics(|| {
        let mut batch = cache.batch();
        batch.write_back(&PAGE.0[..128]);
        batch.flush(&PAGE.0[128..256]);
        end(batch);
    })
}

#[test]
fn the_fences_of_a_cpu_with_everything() {
    for weak in [false, true] {
        let cache = cpu(Clflushopt, Clwb, weak);
        let lines = ["clwb", "clwb", "clflushopt", "clflushopt"];
        assert_eq!(four_lines(cache, Batch::wait), [&lines[..], &["mfence"]].concat());
        assert_eq!(four_lines(cache, drop), [&lines[..], &["mfence"]].concat());
        assert_eq!(four_lines(cache, Batch::order), [&lines[..], &["sfence"]].concat());
        assert_eq!(
            four_lines(cache, Batch::wait_and_serialize),
            [&lines[..], &["mfence", "lfence"]].concat()
        );
    }
}

#[test]
fn the_fences_without_clwb() {
    for weak in [false, true] {
        let cache = cpu(Clflushopt, Clflushopt, weak);
        let lines = ["clflushopt"; 4];
        assert_eq!(four_lines(cache, Batch::wait), [&lines[..], &["mfence"]].concat());
        assert_eq!(four_lines(cache, Batch::order), [&lines[..], &["sfence"]].concat());
    }
}

#[test]
fn the_fences_of_clflush_on_intel() {
    let cache = cpu(Clflush, Clflush, false);
    let lines = ["clflush"; 4];
    assert_eq!(four_lines(cache, Batch::wait), [&lines[..], &["mfence"]].concat());
    assert_eq!(four_lines(cache, Batch::order), [&lines[..], &["sfence"]].concat());
}

#[test]
fn the_fences_of_clflush_elsewhere() {
    let cache = cpu(Clflush, Clflush, true);
    let expected = ["mfence", "clflush", "clflush", "mfence", "clflush", "clflush", "mfence"];
    assert_eq!(four_lines(cache, Batch::wait), expected);
    assert_eq!(four_lines(cache, Batch::order), expected);
    let serialized = [&expected[..], &["lfence"]].concat();
    assert_eq!(four_lines(cache, Batch::wait_and_serialize), serialized);
}

/// The twin without a fence: the check can fail.
#[test]
fn a_forgotten_batch_has_no_fence() {
    let cache = cpu(Clflushopt, Clwb, false);
    assert_eq!(four_lines(cache, std::mem::forget), ["clwb", "clwb", "clflushopt", "clflushopt"]);
}

#[test]
fn the_blocking_forms_wait() {
    let cache = cpu(Clflushopt, Clwb, false);
    assert_eq!(
        mnemonics(|| cache.flush_range(&PAGE.0[63..65])),
        ["clflushopt", "clflushopt", "mfence"]
    );
    assert_eq!(mnemonics(|| cache.write_back_range(&PAGE.0[5..6])), ["clwb", "mfence"]);
    assert_eq!(mnemonics(|| cache.write_back_range(&PAGE.0[..0])), ["mfence"]);
}

#[test]
fn every_fence_is_what_it_is_called() {
    let all = mnemonics(|| {
        sfence();
        lfence();
        mfence();
    });
    assert_eq!(all, ["sfence", "lfence", "mfence"]);
}

/// The lines that a range touches, computed in another way than in the library.
fn lines(mnemonic: &'static str, start: usize, length: usize) -> Vec<Executed> {
    let first = start - start % 64;
    (first..start + length)
        .step_by(64)
        .filter(|_| length > 0)
        .map(|address| Executed { mnemonic, address: Some(address) })
        .collect()
}

#[test]
fn hints_are_given_for_every_line_or_not_at_all() {
    let plain = cpu(Clflush, Clflush, false);
    // SAFETY: the trace skips the instructions that it executes.
    let hinted = unsafe { plain.with(Prefetchw).with(Cldemote) };
    for (start, length) in [(0, 0), (0, 1), (63, 2), (100, 1000), (4095, 1)] {
        let range = &PAGE.0[start..start + length];
        let at = range.as_ptr().addr();
        assert_eq!(executed(|| hinted.prefetch_for_writing(range)), lines("prefetchw", at, length));
        assert_eq!(executed(|| hinted.demote(range)), lines("cldemote", at, length));
        assert_eq!(executed(|| plain.prefetch_for_writing(range)), []);
        assert_eq!(executed(|| plain.demote(range)), []);
    }
}

#[test]
fn only_whole_lines_are_zeroed_by_clzero() {
    // SAFETY: the trace skips the instructions that it executes.
    let cache = unsafe { cpu(Clflush, Clflush, false).with(Clzero) };
    let mut page = Box::new(Page([7; 4096]));
    let at = page.0.as_ptr().addr();
    let all = executed(|| cache.zero(&mut page.0[60..260]));
    let mut expected = lines("clzero", at + 64, 192);
    expected.push(Executed { mnemonic: "sfence", address: None });
    assert_eq!(all, expected);
    // The trace skips CLZERO, so only the head and the tail are zero.
    let expected = |n| if (60..64).contains(&n) || (256..260).contains(&n) { 0 } else { 7 };
    assert!(page.0.iter().enumerate().all(|(n, &byte)| byte == expected(n)));
    assert_eq!(mnemonics(|| cache.zero(&mut page.0[1..63])), ["sfence"]);
}

#[test]
fn the_whole_cache_is_written_back_by_what_it_says() {
    // SAFETY: the trace skips these instructions, which would fault in this ring.
    let all = mnemonics(|| unsafe {
        wbinvd();
        wbnoinvd();
    });
    assert_eq!(all, ["wbinvd", "wbnoinvd"]);
}

/// The end of the address space is a range like any other, and so is its beginning.
#[test]
fn no_line_is_beyond_the_end_of_the_address_space() {
    let cache = cpu(Clflushopt, Clwb, false);
    for length in [0, 1, 2, 63, 64, 65, 5000] {
        for start in [0, 1, 63, usize::MAX - 70, usize::MAX - 64, usize::MAX - 63, usize::MAX] {
            let length = length.min(usize::MAX - start + usize::from(start > 0));
            let range = ptr::slice_from_raw_parts(ptr::without_provenance(start), length);
            let mut expected: Vec<Executed> = (start as u128..start as u128 + length as u128)
                .map(|byte| byte as usize / 64 * 64)
                .map(|line| Executed { mnemonic: "clwb", address: Some(line) })
                .collect();
            expected.dedup();
            expected.push(Executed { mnemonic: "mfence", address: None });
            let all = executed(|| {
                let mut batch = cache.batch();
                // SAFETY: the trace skips the flushes, so the range need not be mapped.
                unsafe { batch.write_back_raw(range) };
                batch.wait();
            });
            assert_eq!(all, expected, "{length} bytes from {start:#x}");
        }
    }
}

/// The rest of a range is issued at the end, and before the lines of the next range.
#[test]
fn no_line_is_left_behind_at_an_end() {
    let cache = cpu(Clflushopt, Clwb, false);
    const LONG: usize = (LINES_PER_STEP + 3) * 64;
    for (end, fence) in [(Batch::wait as fn(Batch<'static>), "mfence"), (Batch::order, "sfence")] {
        let all = executed(|| {
            let mut batch = cache.batch();
            batch.flush(&PAGE.0[..LONG]);
            batch.write_back(&PAGE.0[..LONG]);
            end(batch);
        });
        let mut expected = lines("clflushopt", PAGE.0.as_ptr().addr(), LONG);
        expected.extend(lines("clwb", PAGE.0.as_ptr().addr(), LONG));
        expected.push(Executed { mnemonic: fence, address: None });
        assert_eq!(all, expected);
    }
}

/// No other test of this program executes CPUID, which the lists above would show.
#[test]
fn the_cpu_is_asked_once() {
    let round = mnemonics(|| _ = black_box(Cache::detect()));
    assert_eq!(round, vec!["cpuid"; round.len()]);
    assert!((4..=6).contains(&round.len()), "{round:?}");
    assert_eq!(mnemonics(|| _ = black_box(Cache::get())), round);
    let later = mnemonics(|| Cache::get().expect("a CPU with CLFLUSH").flush_range(&PAGE.0[..1]));
    assert_eq!(later.len(), 2, "a flush and its fence: {later:?}");
}

/// The instructions of `use_region` on a region of this domain, on a CPU with CLWB.
fn on_region(domain: Domain, use_region: fn(&mut Region<'_>)) -> Vec<&'static str> {
    let mut page = Box::new(Page([0; 4096]));
    let mut region = Region::new(&mut page.0, cpu(Clflushopt, Clwb, false), domain).unwrap();
    let all = mnemonics(|| use_region(&mut region));
    std::mem::forget(region);
    all
}

#[test]
fn a_region_flushes_and_drains() {
    use Domain::{Caches, MemoryController};
    let persist: fn(&mut Region<'_>) = |region| region.persist(60..70).unwrap();
    assert_eq!(on_region(MemoryController, persist), ["clwb", "clwb", "mfence"]);
    assert_eq!(on_region(Caches, persist), ["mfence"]);
    let twice: fn(&mut Region<'_>) = |region| {
        region.flush(0..1).unwrap();
        region.flush(64..65).unwrap();
        region.drain();
    };
    assert_eq!(on_region(MemoryController, twice), ["clwb", "clwb", "mfence"]);
    // The same for an ordinary and for a non-temporal copy: each of its lines is written back.
    let copy: fn(&mut Region<'_>) = |region| region.copy_persist(1, &[1; 64]).unwrap();
    assert_eq!(on_region(MemoryController, copy), ["clwb", "clwb", "mfence"]);
    let long: fn(&mut Region<'_>) = |region| region.copy_persist(1, &[1; 1024]).unwrap();
    let swept = [&["clwb"; 17][..], &["mfence"]].concat();
    assert_eq!(on_region(MemoryController, long), swept);
    assert_eq!(on_region(Caches, long), ["mfence"]);
    // Non-temporal stores are ordered before `copy` returns, with or without flushes.
    let short: fn(&mut Region<'_>) = |region| region.copy(1, &[1; 64]).unwrap();
    assert_eq!(on_region(Caches, short), [""; 0]);
    let long: fn(&mut Region<'_>) = |region| region.copy(1, &[1; 1024]).unwrap();
    assert_eq!(on_region(Caches, long), ["sfence"]);
    assert_eq!(on_region(MemoryController, long), [&["clwb"; 17][..], &["sfence"]].concat());
}

#[test]
fn a_dropped_region_waits_for_what_it_flushed() {
    let mut page = Box::new(Page([0; 4096]));
    for (flush, expected) in [(true, &["clwb", "mfence"][..]), (false, &[])] {
        let cache = cpu(Clflushopt, Clwb, false);
        let mut region = Region::new(&mut page.0, cache, Domain::MemoryController).unwrap();
        let all = mnemonics(|| {
            if flush {
                region.flush(0..64).unwrap();
            }
            drop(region);
        });
        assert_eq!(all, expected);
    }
}
