//! An operation that is ready at once, and one that takes some tries. The runner also compares the
//! machine code of each pair of functions, by these names.

use core::{
    convert::Infallible,
    hint::spin_loop,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use firmware::measure::exact::{span, steady};
use wouldblock::{
    attempt::{Attempt, from_fn},
    block::block,
};

use crate::report;

/// Tries left until the device is ready.
static LEFT: AtomicU32 = AtomicU32::new(0);
static DATA: AtomicU32 = AtomicU32::new(7);

/// One try of the operation.
#[inline(always)]
fn receive() -> nb::Result<u32, Infallible> {
    let left = LEFT.load(Relaxed);
    if left == 0 {
        return Ok(DATA.load(Relaxed));
    }
    LEFT.store(left - 1, Relaxed);
    Err(nb::Error::WouldBlock)
}

#[unsafe(no_mangle)]
#[inline(never)]
fn block_ours() -> u32 {
    let Ok(data) = block(from_fn(receive));
    data
}

#[unsafe(no_mangle)]
#[inline(never)]
fn block_hand_written() -> u32 {
    loop {
        let left = LEFT.load(Relaxed);
        if left == 0 {
            return DATA.load(Relaxed);
        }
        LEFT.store(left - 1, Relaxed);
        spin_loop();
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
fn try_ours() -> nb::Result<u32, Infallible> {
    from_fn(receive).attempt()
}

#[unsafe(no_mangle)]
#[inline(never)]
fn try_hand_written() -> nb::Result<u32, Infallible> {
    let left = LEFT.load(Relaxed);
    if left == 0 {
        return Ok(DATA.load(Relaxed));
    }
    LEFT.store(left - 1, Relaxed);
    Err(nb::Error::WouldBlock)
}

pub fn cases() {
    const PEER: &str = "hand-written";

    let blocked = |function: fn() -> u32, tries| {
        steady(|| {
            LEFT.store(tries, Relaxed);
            span(function)
        })
    };
    let tried = |function: fn() -> nb::Result<u32, Infallible>| steady(|| span(function));

    report("block_ready", blocked(block_ours, 0), &[(PEER, blocked(block_hand_written, 0))]);
    report("try_ready", tried(try_ours), &[(PEER, tried(try_hand_written))]);
    report("block_loop", blocked(block_ours, 20), &[(PEER, blocked(block_hand_written, 20))]);
}
