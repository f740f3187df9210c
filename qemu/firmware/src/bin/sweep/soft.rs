//! The interrupt of a controller that is a variable here: the timer's handler is the controller's, too.

use portable_atomic::{AtomicBool, Ordering::Relaxed};
use wouldblock::event::{Event, Waiter};

use crate::run::LOST;

/// An interrupt that is disabled by its handler, which then signals.
pub struct Interrupt {
    event: Event,
    enabled: AtomicBool,
}

impl Interrupt {
    pub const fn new() -> Self {
        Self { event: Event::new(), enabled: AtomicBool::new(false) }
    }

    /// Leaves it disabled, and its event signalled.
    pub fn empty(&self) {
        self.disable();
        self.event.signal();
    }

    pub fn waiter(&self) -> Waiter<'_> {
        self.event.waiter().expect("one waiter at a time")
    }

    /// There is something new.
    pub fn raise(&self) {
        if self.enabled.swap(false, Relaxed) {
            self.event.signal();
        }
    }

    /// What is there is announced again if that was lost. `false`: it was not.
    pub fn announce_lost(&self) -> bool {
        let lost = LOST.load(Relaxed);
        if lost {
            self.event.signal();
        }
        lost
    }

    pub fn disable(&self) {
        self.enabled.store(false, Relaxed);
    }
}

/// How a controller enables its interrupt.
#[derive(Default)]
pub struct Arming {
    edge_only: bool,
    once: bool,
    armed: bool,
}

impl Arming {
    /// A twin's: what is there when it is armed is no news.
    pub fn edge_only() -> Self {
        Self { edge_only: true, ..Self::default() }
    }

    /// A twin's: it is armed once.
    pub fn once() -> Self {
        Self { once: true, ..Self::default() }
    }

    /// Enables the interrupt, which comes at once if something `is_there`.
    pub fn arm(&mut self, interrupt: &Interrupt, is_there: impl FnOnce() -> bool) {
        if self.once && self.armed {
            return;
        }
        self.armed = true;
        interrupt.enabled.store(true, Relaxed);
        if !self.edge_only && is_there() {
            interrupt.raise();
        }
    }
}
