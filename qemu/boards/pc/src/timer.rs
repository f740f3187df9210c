//! Time: the local APIC's timer, which interrupts on
//! [`Line::Timer`](crate::interrupts::Line::Timer), and the time-stamp counter.
//!
//! Under `-icount shift=0` both count instructions: one tick is one instruction is one nanosecond.
//! A one-shot of n ticks comes exactly n instructions after the store that starts it, which is the
//! last thing that [`one_shot`] does. That holds while the processor is awake: out of a `hlt`, QEMU
//! 7.2 lets both counters jump now and then some dozen ticks too far (its main loop may look at the
//! clock when the processor sleeps already but its last instructions are not yet on the account).

use core::{
    arch::x86_64::_rdtsc,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::apic::local;

/// QEMU's local APIC counts nanoseconds.
const TICKS_PER_SECOND: u64 = 1_000_000_000;

static TSC_PER_SECOND: AtomicU64 = AtomicU64::new(0);
static TSC_AT_BOOT: AtomicU64 = AtomicU64::new(0);

/// Interrupts once, `ticks` (at least 2) from now. Above 2³²−1 ticks it is rounded up, to at most a
/// 128th of that; the longest is 2³⁹ ticks.
#[inline]
pub fn one_shot(ticks: u64) {
    start(false, ticks);
}

/// Interrupts every `ticks`, with limits as [`one_shot`].
#[inline]
pub fn periodic(ticks: u64) {
    start(true, ticks);
}

/// No further interrupts. One that is already on its way still comes.
pub fn stop() {
    local::stop_timer();
}

/// Whether an interrupt is still to come.
#[must_use]
pub fn is_running() -> bool {
    local::timer_count() != 0
}

/// The frequency of the local APIC's timer.
#[must_use]
pub fn ticks_per_second() -> u64 {
    TICKS_PER_SECOND
}

/// The frequency of the time-stamp counter: exact under `-icount`, otherwise measured to some 10⁻⁴.
#[must_use]
pub fn tsc_per_second() -> u64 {
    TSC_PER_SECOND.load(Ordering::Relaxed)
}

/// The time-stamp counter: free-running, 64 bits.
#[inline(always)]
#[must_use]
pub fn tsc() -> u64 {
    // SAFETY: every x86_64 processor has it, and ring 0 may always read it.
    unsafe { _rdtsc() }
}

/// Microseconds since the board was set up, for the log.
pub(crate) fn microseconds() -> u64 {
    let per_microsecond = (tsc_per_second() / 1_000_000).max(1);
    (tsc() - TSC_AT_BOOT.load(Ordering::Relaxed)) / per_microsecond
}

#[inline]
fn start(periodic: bool, ticks: u64) {
    let bits = u64::BITS - ticks.leading_zeros();
    let shift = bits.saturating_sub(u32::BITS).min(7);
    // QEMU's timer takes one tick more than its count, and a count of 0 stops it.
    let count = ticks.div_ceil(1 << shift).saturating_sub(1).clamp(1, u32::MAX.into()) as u32;
    local::set_up_timer(periodic, shift);
    local::start_timer(count);
}

/// Measures the time-stamp counter against the timer. Called once, by `boot`.
///
/// A first, short measure tells whether both count the same thing, as under `-icount`, where a
/// longer one would cost real time and bring nothing.
pub(crate) fn calibrate() {
    TSC_AT_BOOT.store(tsc(), Ordering::Relaxed);
    local::set_up_timer(false, 0);
    let (ticks, cycles) = measure(10_000);
    let per_second = if ticks == cycles {
        TICKS_PER_SECOND
    } else {
        let (ticks, cycles) = measure(5_000_000);
        (u128::from(cycles) * u128::from(TICKS_PER_SECOND) / u128::from(ticks)) as u64
    };
    local::stop_timer();
    TSC_PER_SECOND.store(per_second, Ordering::Relaxed);
}

/// For at least so many ticks: ticks and cycles between two readings of both.
fn measure(least: u32) -> (u64, u64) {
    #[inline(never)]
    fn both() -> (u32, u64) {
        (local::timer_count(), tsc())
    }
    local::start_timer(u32::MAX);
    let first = both();
    loop {
        let last = both();
        let ticks = first.0 - last.0;
        if ticks >= least {
            return (ticks.into(), last.1 - first.1);
        }
    }
}
