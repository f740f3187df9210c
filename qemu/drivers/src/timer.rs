//! The board's timer as a background operation: once, or period after period without drift, since
//! each deadline is counted from the deadline before it.

use board::{
    alarm::{TimerAlarm, stop},
    counter::time,
    interrupts::Line,
};
use portable_atomic::{AtomicBool, Ordering};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Slot},
    time::Alarm,
};

/// Room for one countdown in the background.
pub static SLOT: Slot<Countdown> = Slot::new();

/// The timer. Its owner cannot use [`park_until`](board::alarm::park_until), which takes the same
/// line.
#[derive(Debug)]
pub struct Timer(TimerAlarm);

impl Timer {
    /// The timer, once; `None` after that. Lets it interrupt; its interrupt steps [`SLOT`].
    pub fn take() -> Option<Self> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        Line::Timer.set_handler(on_interrupt);
        Line::Timer.enable();
        Some(Self(TimerAlarm::new()))
    }

    /// A countdown that ends `ticks` of the board's clock from now.
    pub fn after(self, ticks: u64) -> Countdown {
        Countdown { timer: self, deadline: time().saturating_add(ticks), cancelled: false }
    }
}

/// A one-shot leaves nothing to quiet: steps, acknowledges, wakes.
fn on_interrupt(line: Line) {
    let driven = SLOT.on_interrupt();
    line.acknowledge();
    drop(driven);
}

/// The countdown was cancelled before its deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub struct Cancelled;

/// A deadline in the future.
#[derive(Debug)]
#[must_use = "a countdown does nothing until it is started"]
pub struct Countdown {
    timer: Timer,
    deadline: u64,
    cancelled: bool,
}

impl Countdown {
    /// When it ends, by the board's clock.
    pub const fn deadline(&self) -> u64 {
        self.deadline
    }

    /// The next period: `ticks` after this one's deadline, no matter when its end was noticed. A
    /// deadline that has already passed ends at the next interrupt, which comes at once.
    pub fn next(self, ticks: u64) -> Self {
        let deadline = self.deadline.saturating_add(ticks);
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
        if time() >= self.deadline {
            Ok(())
        } else if self.cancelled {
            Err(nb::Error::Other(Cancelled))
        } else {
            Err(nb::Error::WouldBlock)
        }
    }

    /// Sets the timer again after each try that came too early: timer and clock agree only to about
    /// 10⁻⁴.
    fn arm(&mut self) {
        self.timer.0.set(self.deadline.saturating_sub(time()));
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
