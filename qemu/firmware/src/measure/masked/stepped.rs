//! In single steps: the processor stops at each boundary between two instructions, and each
//! instruction that it is about to execute with the interrupt flag clear is counted.
//!
//! Handlers are not stepped: in them the processor itself masks interrupts.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use board::{
    alarm::{self, TimerAlarm, one_shot},
    exceptions::{self, Exception, Frame},
    idle::Park,
    interrupts::Handler,
};
use wouldblock::block::WithAlarm;
use x86_64::registers::rflags::{self, RFlags};

use super::Window;

/// Boundaries of one stretch that are kept, to name the middle one.
const KEPT: usize = 4096;

/// Instructions so far, and those of the current stretch.
static STEPS: AtomicU64 = AtomicU64::new(0);
static MASKED: AtomicUsize = AtomicUsize::new(0);
/// Where those of the stretch are.
static ADDRESSES: [AtomicU64; KEPT] = [const { AtomicU64::new(0) }; KEPT];
/// The longest so far.
static LONGEST: AtomicU64 = AtomicU64::new(0);
static MIDDLE: AtomicU64 = AtomicU64::new(0);

/// The longest window of `run`, after `prepare`: of its second run, in which no static is initialized
/// any more.
pub fn longest_of(prepare: fn(), run: fn()) -> Window {
    prepare();
    run();
    prepare();
    longest(run)
}

/// The timer, which is the device of an operation, is to interrupt once, so late that the wait is
/// asleep by then, in single steps, too.
pub fn interrupt_soon() {
    one_shot(1_000_000);
}

/// The first thing that the timer's handler does. Returns whether the device has interrupted.
#[inline(always)]
pub const fn interrupted() -> bool {
    true
}

/// The sleep with an alarm. The timer's handler is `handler` where the timer also places interrupts;
/// here it is the alarm's.
pub fn park_until(_: Handler) -> WithAlarm<Park, TimerAlarm> {
    alarm::park_until()
}

/// Runs `f` in single steps. Interrupts are enabled before, and `f` leaves them so.
pub fn longest(f: impl FnOnce()) -> Window {
    let outside = step(|| ());
    let Window { of, .. } = outside;
    let window = step(f);
    Window { of: window.of - of, ..window }
}

#[inline(never)]
fn step(f: impl FnOnce()) -> Window {
    [&STEPS, &LONGEST, &MIDDLE].into_iter().for_each(|figure| figure.store(0, Relaxed));
    MASKED.store(0, Relaxed);
    // SAFETY: `on_step` uses atomics and its frame only.
    unsafe { exceptions::set_handler(Exception::Debug, on_step) };
    set_trap_flag(true);
    f();
    set_trap_flag(false);
    exceptions::remove_handler(Exception::Debug);
    Window {
        instructions: LONGEST.load(Relaxed),
        address: MIDDLE.load(Relaxed),
        of: STEPS.load(Relaxed),
    }
}

/// Before each instruction but the first.
fn on_step(frame: &mut Frame) -> bool {
    STEPS.fetch_add(1, Relaxed);
    if frame.rflags() & RFlags::INTERRUPT_FLAG.bits() == 0 {
        let masked = MASKED.fetch_add(1, Relaxed);
        if let Some(address) = ADDRESSES.get(masked) {
            address.store(frame.rip(), Relaxed);
        }
        return true;
    }
    let masked = MASKED.swap(0, Relaxed);
    if masked as u64 > LONGEST.load(Relaxed) {
        LONGEST.store(masked as u64, Relaxed);
        let middle = ADDRESSES.get(masked / 2).map_or(0, |address| address.load(Relaxed));
        MIDDLE.store(middle, Relaxed);
    }
    true
}

fn set_trap_flag(on: bool) {
    let flags = rflags::read();
    // SAFETY: the flag makes the processor call `on_step` before each instruction, nothing else.
    unsafe {
        rflags::write(if on { flags | RFlags::TRAP_FLAG } else { flags - RFlags::TRAP_FLAG })
    };
}
