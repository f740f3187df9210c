//! `cache`: flushes of real memory on the host's CPU change nothing that a program can see, and
//! issue exactly the number of lines that the range touches. Tests on the target show that these
//! are the right lines: there a flush can be made to trap.

#![cfg(target_arch = "x86_64")]

use std::sync::atomic::Ordering::SeqCst;

use fakes::waker::{counting, poll};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use wouldblock::{
    Attempt,
    attempt::Progress,
    block,
    cache::{Batch, Cache, Extra, Instruction, LINES_PER_STEP},
    nb,
};

assert_not_impl_any!(Batch<'static>: Send, Sync, Clone);
assert_impl_all!(Cache: Send, Sync, Copy);

fn cache() -> Cache {
    Cache::get().expect("every x86_64 CPU has CLFLUSH")
}

/// Memory that begins at the start of a cache line. Its size is not a multiple of a line's.
#[repr(align(4096))]
struct Memory([u8; 5000]);

fn memory() -> Box<Memory> {
    let mut memory = Box::new(Memory([0; 5000]));
    for (n, byte) in memory.0.iter_mut().enumerate() {
        *byte = (n * 31) as u8;
    }
    memory
}

fn is_intact(memory: &Memory) -> bool {
    memory.0.iter().enumerate().all(|(n, &byte)| byte == (n * 31) as u8)
}

#[test]
fn what_is_kept_of_the_cpu_is_what_it_says() {
    let detected = Cache::detect();
    assert_eq!(Cache::get(), detected);
    assert_eq!(Cache::get(), detected); // The second time, from the kept result.
    assert!(cache().line().is_power_of_two());
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if let Some(flags) = flags.lines().find(|line| line.starts_with("flags")) {
        let has = |flag: &str| flags.split_whitespace().any(|found| found == flag);
        assert_eq!(cache().flush_instruction() == Instruction::Clflushopt, has("clflushopt"));
        assert_eq!(cache().write_back_instruction() == Instruction::Clwb, has("clwb"));
        assert_eq!(cache().has(Extra::Clzero), has("clzero"));
        assert_eq!(cache().has(Extra::Cldemote), has("cldemote"));
        assert_eq!(cache().has(Extra::Prefetchw), has("3dnowprefetch"));
        assert_eq!(cache().has(Extra::Wbnoinvd), has("wbnoinvd"));
    }
}

#[test]
fn every_size_at_every_alignment_issues_the_lines_it_touches() {
    let (cache, memory) = (cache(), memory());
    let line = cache.line();
    let sizes = [0, 1, 2, line - 1, line, line + 1, 3 * line, 1000];
    for start in (0..2 * line).chain([4000]) {
        for size in sizes {
            let range = &memory.0[start..start + size];
            let lines = if size == 0 { 0 } else { (start + size - 1) / line - start / line + 1 };
            let mut batch = cache.batch();
            batch.flush(range);
            assert_eq!(batch.progress(), lines.min(LINES_PER_STEP), "{size} bytes at {start}");
            while batch.step() {}
            assert_eq!(batch.progress(), lines, "{size} bytes at {start}");
            batch.write_back(range);
            while batch.step() {}
            assert_eq!(batch.progress(), 2 * lines);
            batch.order();
        }
    }
    assert!(is_intact(&memory));
}

#[test]
fn a_long_range_is_issued_in_steps() {
    let (cache, line) = (cache(), cache().line());
    let memory = vec![7_u64; 1000 * line / 8];
    let all = memory.as_slice();
    let lines =
        size_of_val(all).div_ceil(line) + usize::from(!all.as_ptr().addr().is_multiple_of(line));

    let mut batch = cache.batch();
    batch.flush(all);
    let mut issued = LINES_PER_STEP;
    while issued < lines {
        assert_eq!(batch.progress(), issued);
        let now = batch.attempt();
        issued = (issued + LINES_PER_STEP).min(lines);
        let expected = if issued < lines { Err(nb::Error::WouldBlock) } else { Ok(()) };
        assert_eq!(now, expected);
    }
    assert_eq!((batch.progress(), batch.attempt()), (lines, Ok(())));
    batch.wait();

    // As any attempt, with a deadline or to the end.
    let mut batch = cache.batch();
    batch.flush(all);
    for _ in 0..2 {
        assert_eq!(batch.attempt(), Err(nb::Error::WouldBlock));
    }
    assert_eq!(batch.progress(), 3 * LINES_PER_STEP);
    assert_eq!(block::block(&mut batch), Ok(()));
    assert_eq!(batch.progress(), lines);
    drop(batch);
    assert!(memory.iter().all(|&word| word == 7));
}

/// A flush has no interrupt: an awaited flush yields between its steps.
#[test]
fn an_awaited_batch_yields_between_its_steps() {
    let (cache, memory) = (cache(), memory());
    let lines = size_of_val(&memory.0).div_ceil(cache.line());
    let (waker, wakes) = counting();
    let mut batch = cache.batch();
    batch.flush(&memory.0);
    let mut yielding = (&mut batch).polled();
    let mut pending = 0;
    while poll(&mut yielding, &waker).is_pending() {
        pending += 1;
        assert_eq!(wakes.load(SeqCst), pending); // Scheduled again at once.
    }
    // `flush` was the first step, and the last step is not pending.
    assert_eq!(pending as usize, lines.div_ceil(LINES_PER_STEP) - 2);
    assert_eq!(batch.progress(), lines);
    batch.wait(); // Ends with the same blocking wait.
    assert!(is_intact(&memory));
}

#[test]
fn one_batch_takes_several_ranges_and_leaves_no_line_out() {
    let (cache, memory) = (cache(), memory());
    let line = cache.line();
    let long = vec![1_u8; 200 * line];
    let mut batch = cache.batch();
    batch.flush(&long[..]); // Its lines are not all issued when the next range begins.
    assert_eq!(batch.progress(), LINES_PER_STEP);
    batch.write_back(&*memory);
    let of_long = 200 + usize::from(!long.as_ptr().addr().is_multiple_of(line));
    let of_memory = size_of::<Memory>().div_ceil(line);
    assert!(batch.progress() >= of_long + of_memory.min(LINES_PER_STEP));
    while batch.step() {}
    assert_eq!(batch.progress(), of_long + of_memory);
    drop(batch);
    assert!(is_intact(&memory));
}

#[test]
fn every_instruction_the_cpu_has_works() {
    use Instruction::{Clflush, Clflushopt, Clwb};
    let (known, memory) = (cache(), memory());
    let mut pairs = vec![(Clflush, Clflush)];
    if known.flush_instruction() == Clflushopt {
        pairs.push((Clflushopt, Clflushopt));
    }
    if known.write_back_instruction() == Clwb {
        pairs.push((Clflushopt, Clwb));
    }
    for (flush, write_back) in pairs {
        for weak in [false, true] {
            // SAFETY: the line size and the instructions are the detected ones, and every x86_64
            // CPU has CLFLUSH.
            let cache = unsafe { Cache::new(known.line() as u16, flush, write_back, weak) };
            assert_eq!(
                (cache.flush_instruction(), cache.write_back_instruction(), cache.line()),
                (flush, write_back, known.line())
            );
            cache.flush_range(&*memory);
            cache.write_back_range(&*memory);
            let mut batch = cache.batch();
            batch.flush(&memory.0[17..1234]);
            batch.write_back(&memory.0[2000..]);
            batch.order();
        }
    }
    assert!(is_intact(&memory));
}

#[test]
fn what_has_no_bytes_and_what_has_no_size_at_compile_time() {
    let cache = cache();
    cache.flush_range(&());
    cache.flush_range::<[u8]>(&[]);
    cache.flush_range("text");
    cache.flush_range::<dyn std::fmt::Debug>(&[1, 2, 3]);
    let mut batch = cache.batch();
    batch.flush(&[0_u64; 0]);
    assert_eq!((batch.progress(), batch.attempt()), (0, Ok(())));
    std::mem::forget(batch); // Skips only its fence.
}

#[test]
fn what_is_zeroed_is_zero_and_nothing_else_is() {
    let cache = cache();
    // SAFETY: the CPU is the same, and nothing is claimed that was not detected.
    let plain =
        unsafe { Cache::new(64, cache.flush_instruction(), cache.write_back_instruction(), true) };
    assert!(!plain.has(Extra::Clzero));
    for cache in [cache, plain] {
        for start in [0, 1, 63, 64, 100] {
            for length in [0, 1, 63, 64, 65, 200, 4000] {
                let mut memory = memory();
                memory.0.fill(0xff);
                let zeroed = start..start + length;
                cache.zero(&mut memory.0[zeroed.clone()]);
                let is_right = |(n, &byte)| byte == if zeroed.contains(&n) { 0 } else { 0xff };
                assert!(memory.0.iter().enumerate().all(is_right), "{zeroed:?}");
            }
        }
    }
}

#[test]
fn hints_change_nothing() {
    let (cache, memory) = (cache(), memory());
    cache.prefetch_for_writing(&*memory);
    cache.demote(&memory.0[3..700]);
    assert!(is_intact(&memory));
}

#[test]
fn a_time_stamp_may_follow() {
    let (cache, memory) = (cache(), memory());
    let mut batch = cache.batch();
    batch.write_back(&*memory);
    batch.wait_and_serialize();
    assert!(is_intact(&memory));
}
