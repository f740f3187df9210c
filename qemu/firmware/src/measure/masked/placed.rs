//! By interrupts at every instruction: the code runs again and again, and each time the timer is set
//! one [`STEP`] later. Each time the instructions from the start of the run to the handler are
//! counted. As a step is no longer than an instruction, the handler is entered once at every boundary
//! between two instructions at which interrupts are not masked. So two neighbouring counts differ by
//! 1 where nothing is masked, and by 1 more than the instructions of the window where something is.
//!
//! The timer is also the device of the operations that sleep, and the alarm of those with a deadline.
//! So it is the placed interrupt that ends the sleep. What follows it in the same run is reached by
//! another run, in which the event comes earlier.

use core::{
    arch::asm,
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use board::{
    alarm::{self, STEP, TimerAlarm, one_shot},
    counter::{BoardClock, Stamp, between, stamp},
    idle::Park,
    interrupts::{self, Handler, Line},
};
use critical_section::Mutex;
use wouldblock::{block::WithAlarm, time::Alarm};

use super::Window;

/// The first placement, in steps: behind the start of the count, and among the instructions that do
/// nothing before the run.
const FIRST: u64 = 48;
/// Placements in a row before the same instruction, of different counts: the processor is asleep.
const ASLEEP: u32 = 32;

/// When the placed interrupt came: the handler's first instructions.
static PLACED: Mutex<Cell<Option<Stamp>>> = Mutex::new(Cell::new(None));
/// The placed interrupt has come.
static CAME: AtomicBool = AtomicBool::new(false);
/// The run has ended: what comes now is not placed.
static OVER: AtomicBool = AtomicBool::new(false);
/// From now on an interrupt is the device's.
static IS_DEVICE: AtomicBool = AtomicBool::new(false);
/// The device has interrupted.
static SERVED: AtomicBool = AtomicBool::new(false);

/// Where the placed interrupt came.
#[derive(Clone, Copy)]
struct Place {
    /// Instructions from the start of the count to the handler.
    after: u64,
    /// The instruction that it came before.
    address: usize,
}

/// The longest window of `run`, which is run again and again, each time after `prepare`. Interrupts
/// are enabled before, and both leave them so. In its first run, in which a static may be initialized,
/// the interrupt comes before it.
pub fn longest_of(prepare: fn(), run: fn()) -> Window {
    fn nothing() {}

    let outside = sweep(nothing, nothing).of;
    let window = sweep(prepare, run);
    Window { of: window.of.saturating_sub(outside), ..window }
}

fn sweep(prepare: fn(), run: fn()) -> Window {
    let mut window = Window::default();
    let mut is_named = true;
    let mut last: Option<Place> = None;
    let mut before_it = 0;
    for steps in FIRST.. {
        prepare();
        let Some(place) = place(run, steps * STEP) else { break };
        let Some(previous) = last.replace(place) else { continue };
        before_it = if place.address == previous.address && place.after > previous.after {
            before_it + 1
        } else if place.address == previous.address {
            before_it
        } else {
            0
        };
        if before_it == ASLEEP {
            break;
        }
        window.of = place.after - u64::from(before_it);
        if !is_named {
            window.address = place.address as u64;
            is_named = place.address != previous.address;
        }
        let masked = place.after.saturating_sub(previous.after + 1);
        if masked > window.instructions {
            window.instructions = masked;
            // The next one is named: this one may be the return from the function that unmasks.
            window.address = place.address as u64;
            is_named = false;
        }
    }
    window
}

/// Runs `run`, and interrupts `ticks` after the start of the count. `None` if it was over before.
#[inline(never)]
fn place(run: fn(), ticks: u64) -> Option<Place> {
    critical_section::with(|section| PLACED.borrow(section).set(None));
    [&CAME, &OVER, &IS_DEVICE, &SERVED].into_iter().for_each(|flag| flag.store(false, Relaxed));
    one_shot(ticks);
    let start = stamp();
    // SAFETY: instructions that do nothing.
    unsafe { asm!(".rept 90", "nop", ".endr", options(nomem, nostack, preserves_flags)) };
    run();
    OVER.store(true, Relaxed);
    alarm::stop();
    let at = critical_section::with(|section| PLACED.borrow(section).take())?;
    Some(Place { after: between(start, at), address: interrupts::interrupted() })
}

/// The device of an operation is to interrupt once: the placed interrupt is the device's if it is still
/// to come.
pub fn interrupt_soon() {
    IS_DEVICE.store(true, Relaxed);
    if CAME.load(Relaxed) && !SERVED.load(Relaxed) {
        one_shot(LATER);
    }
}

/// Ticks after which the device interrupts if the placed interrupt came before: anything above 0 does.
const LATER: u64 = 100;

/// The first thing that the timer's handler does. Returns whether the device has interrupted.
#[inline(always)]
pub fn interrupted() -> bool {
    let at = stamp();
    if !CAME.load(Relaxed) {
        CAME.store(true, Relaxed);
        let placed = (!OVER.load(Relaxed)).then_some(at);
        critical_section::with(|section| PLACED.borrow(section).set(placed));
    }
    let device = IS_DEVICE.load(Relaxed);
    SERVED.store(device, Relaxed);
    device
}

/// The sleep with an alarm, which is the placed interrupt if that is still to come. The timer's handler
/// stays `handler`.
pub fn park_until(handler: Handler) -> WithAlarm<Park, PlacedAlarm> {
    let alarm = PlacedAlarm(alarm::take());
    Line::Timer.set_handler(handler);
    WithAlarm::new(Park, alarm)
}

/// The timer's alarm, which does not touch a placed interrupt.
#[derive(Debug)]
pub struct PlacedAlarm(TimerAlarm);

impl Alarm<BoardClock> for PlacedAlarm {
    fn set(&mut self, ticks: u64) {
        if CAME.load(Relaxed) {
            self.0.set(ticks);
        }
    }

    fn clear(&mut self) {
        if CAME.load(Relaxed) {
            self.0.clear();
        }
    }
}
