//! The local APIC's timer as a background operation: once, or period after period without drift,
//! since each deadline is counted from the one before it.

use core::sync::atomic::{AtomicBool, Ordering};

use board::{
    interrupts::Line,
    timer::{stop, tsc},
};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Slot},
    time::Alarm,
};

use crate::alarm::TimerAlarm;

/// Room for what the timer is to do.
pub static SLOT: Slot<Countdown> = Slot::new();

/// The timer, for whoever has it instead of [`park_until`](crate::alarm::park_until).
#[derive(Debug)]
pub struct Timer(TimerAlarm);

impl Timer {
    /// The timer, once. Lets it interrupt.
    pub fn take() -> Option<Self> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        Line::Timer.set_handler(on_interrupt);
        Line::Timer.enable();
        Some(Self(TimerAlarm::new()))
    }

    /// Ends `cycles` of the time-stamp counter from now.
    pub fn after(self, cycles: u64) -> Countdown {
        Countdown { timer: self, deadline: tsc().saturating_add(cycles), cancelled: false }
    }
}

/// There is nothing to quiet: a one-shot has had its shot. Step, acknowledge, wake.
fn on_interrupt(line: Line) {
    let driven = SLOT.on_interrupt();
    line.acknowledge();
    drop(driven);
}

/// It was cancelled before its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub struct Cancelled;

/// A time to come.
#[derive(Debug)]
#[must_use = "a countdown does nothing until it is started"]
pub struct Countdown {
    timer: Timer,
    deadline: u64,
    cancelled: bool,
}

impl Countdown {
    /// When it ends, by the time-stamp counter.
    pub const fn deadline(&self) -> u64 {
        self.deadline
    }

    /// The next period: `cycles` after this one's end, whenever that was noticed. One that is over
    /// already ends at the next interrupt, which comes at once.
    pub fn next(self, cycles: u64) -> Self {
        let deadline = self.deadline.saturating_add(cycles);
        Self { deadline, cancelled: false, ..self }
    }

    /// The timer, free for something else.
    pub fn into_timer(self) -> Timer {
        self.timer
    }
}

impl Attempt for Countdown {
    type Output = ();
    type Error = Cancelled;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Cancelled> {
        if tsc() >= self.deadline {
            Ok(())
        } else if self.cancelled {
            Err(nb::Error::Other(Cancelled))
        } else {
            Err(nb::Error::WouldBlock)
        }
    }

    /// After each try that came too early: the two counters agree to some 10⁻⁴ only.
    fn arm(&mut self) {
        self.timer.0.set(self.deadline.saturating_sub(tsc()));
    }

    fn disarm(&mut self) {
        stop();
    }
}

impl Background for Countdown {
    fn begin(&mut self) {
        self.arm();
    }

    fn cancel(&mut self) {
        self.cancelled = true;
    }
}
