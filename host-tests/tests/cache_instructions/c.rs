//! The functions for C: the same instructions as in Rust, and no fence where none is documented.

use std::{ffi::c_void, mem::zeroed, ptr};

use super::{Page, mnemonics};
use wouldblock::c::{
    Batch, Cache, Domain, Instruction, Log, Region, Status, wb_batch_begin, wb_batch_flush,
    wb_batch_order, wb_batch_wait, wb_batch_wait_and_serialize, wb_batch_write_back, wb_demote,
    wb_flush_range, wb_lfence, wb_log_append, wb_log_check, wb_log_clear, wb_log_create,
    wb_log_end, wb_log_open_read_only, wb_log_start_append, wb_log_try_append, wb_log_wait,
    wb_mfence, wb_prefetch_for_writing, wb_region_copy, wb_region_copy_persist, wb_region_drain,
    wb_region_flush, wb_region_new, wb_region_persist, wb_region_zero_persist, wb_sfence,
    wb_wbinvd, wb_wbnoinvd, wb_write_back_range, wb_zero,
};

/// A CPU with every instruction.
const CACHE: Cache = Cache {
    line: 64,
    flush: Instruction::Clflushopt as u32,
    write_back: Instruction::Clwb as u32,
    clflush_is_weak: 1,
    extras: 15,
};

/// The instructions that `run` executes. Asserts that its status is `Ok`.
fn of(call: impl FnOnce() -> Status) -> Vec<&'static str> {
    let mut status = Status::Null;
    let all = mnemonics(|| status = call());
    assert_eq!(status, Status::Ok);
    all
}

fn page() -> Box<Page> {
    Box::new(Page([0; 4096]))
}

#[test]
fn of_a_range() {
    let mut page = page();
    let start: *mut c_void = (&raw mut page.0[60]).cast();
    // SAFETY: eight bytes of the page, in two lines. The trace skips the instructions.
    unsafe {
        assert_eq!(of(|| wb_flush_range(&CACHE, start, 8)), ["clflushopt", "clflushopt", "mfence"]);
        assert_eq!(of(|| wb_write_back_range(&CACHE, start, 8)), ["clwb", "clwb", "mfence"]);
        assert_eq!(of(|| wb_prefetch_for_writing(&CACHE, start, 8)), ["prefetchw"; 2]);
        assert_eq!(of(|| wb_demote(&CACHE, start, 8)), ["cldemote"; 2]);
        assert_eq!(of(|| wb_zero(&CACHE, start, 4 + 64 + 1)), ["clzero", "sfence"]);
        assert_eq!(mnemonics(|| wb_wbinvd()), ["wbinvd"]);
        assert_eq!(mnemonics(|| wb_wbnoinvd()), ["wbnoinvd"]);
    }
    assert_eq!(mnemonics(|| wb_sfence()), ["sfence"]);
    assert_eq!(mnemonics(|| wb_lfence()), ["lfence"]);
    assert_eq!(mnemonics(|| wb_mfence()), ["mfence"]);
}

#[test]
fn of_a_batch() {
    type End = unsafe extern "C" fn(*mut Batch) -> Status;
    let page = page();
    let start: *const c_void = (&raw const page.0).cast();
    let ends: [(End, &[&str]); 3] = [
        (wb_batch_order, &["sfence"]),
        (wb_batch_wait, &["mfence"]),
        (wb_batch_wait_and_serialize, &["mfence", "lfence"]),
    ];
    for (end, fences) in ends {
        // SAFETY: all zeros is a batch that has not begun.
        let mut batch: Batch = unsafe { zeroed() };
        let batch = &raw mut batch;
        // SAFETY: the batch and the page are valid.
        unsafe {
            assert_eq!(of(|| wb_batch_begin(batch, &CACHE)), [""; 0]);
            assert_eq!(of(|| wb_batch_write_back(batch, start, 128)), ["clwb"; 2]);
            assert_eq!(of(|| wb_batch_flush(batch, start, 64)), ["clflushopt"]);
            assert_eq!(of(|| end(batch)), fences);
        }
    }
}

#[test]
fn of_a_region() {
    let mut page = page();
    let bytes = [7_u8; 64];
    let from: *const c_void = bytes.as_ptr().cast();
    // SAFETY: all zeros is a region that every function refuses.
    let mut region: Region = unsafe { zeroed() };
    let region = &raw mut region;
    for (domain, lines) in
        [(Domain::MemoryController, &["clwb", "clwb"][..]), (Domain::Caches, &[])]
    {
        let drained = [lines, &["mfence"]].concat();
        let start = (&raw mut page.0).cast();
        // SAFETY: the region is valid, and only it uses the page.
        unsafe {
            assert_eq!(of(|| wb_region_new(region, start, 4096, &CACHE, domain as u32)), [""; 0]);
            assert_eq!(of(|| wb_region_flush(region, 60, 8)), lines);
            assert_eq!(of(|| wb_region_drain(region)), ["mfence"]);
            assert_eq!(of(|| wb_region_persist(region, 60, 8)), drained);
            assert_eq!(of(|| wb_region_copy(region, 1, from, 64)), lines);
            assert_eq!(of(|| wb_region_copy_persist(region, 1, from, 64)), drained);
            let zeroed = [&["sfence"], &drained[..]].concat();
            assert_eq!(of(|| wb_region_zero_persist(region, 60, 8)), zeroed);
        }
    }
}

#[test]
fn of_a_log() {
    let mut page = page();
    // SAFETY: all zeros is a log that has not begun, and a region that every function refuses.
    let (mut log, mut region): (Log, Region) = unsafe { (zeroed(), zeroed()) };
    let (log, region) = (&raw mut log, &raw mut region);
    let domain = Domain::MemoryController as u32;
    let (start, text) = ((&raw mut page.0).cast(), c"text".as_ptr().cast::<c_void>());
    let none = ptr::null_mut();
    // SAFETY: the log and the region are valid, and only they use the page.
    unsafe {
        of(|| wb_region_new(region, start, 4096, &CACHE, domain));
        let created = of(|| wb_log_create(log, region));
        assert_eq!(created.iter().filter(|&&mnemonic| mnemonic == "clwb").count(), 2 + 62 + 4);
        assert_eq!(of(|| wb_log_try_append(log, text, 4, none)), ["clwb", "mfence"]);
        assert_eq!(of(|| wb_log_start_append(log, text, 4, none)), ["clwb"]);
        assert_eq!(of(|| wb_log_start_append(log, text, 4, none)), ["clwb"]);
        assert_eq!(of(|| wb_log_wait(log)), ["mfence"]);
        extern "C" fn make_room(_: *mut Log, _: *mut c_void) {}
        let append = || wb_log_append(log, text, 4, none, Some(make_room), ptr::null_mut());
        assert_eq!(of(append), ["clwb", "mfence"]);
        assert_eq!(of(|| wb_log_clear(log)), ["clwb", "mfence", "clwb", "mfence"]);
        assert_eq!(of(|| wb_log_start_append(log, text, 4, none)), ["clwb"]);
        assert_eq!(of(|| wb_log_end(log)), ["mfence"]);
        // A log that is only read: nothing is flushed or waited for.
        assert_eq!(of(|| wb_log_check(region)), [""; 0]);
        assert_eq!(of(|| wb_log_open_read_only(log, region)), [""; 0]);
        assert_eq!(of(|| wb_log_end(log)), [""; 0]);
    }
}
