//! What most paths wait for: units, which the handler puts and a try takes.

use core::{
    convert::Infallible,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use wouldblock::event::{Event, Waiter};

use crate::placement;

/// Units, and the event that says so.
pub struct Units {
    count: AtomicU32,
    event: Event,
}

/// The first source.
pub static LEFT: Units = Units::new();
/// The second source.
pub static RIGHT: Units = Units::new();

impl Units {
    const fn new() -> Self {
        Self { count: AtomicU32::new(0), event: Event::new() }
    }

    /// By the handler: one more, and then the signal.
    pub fn put(&self) {
        self.count.fetch_add(1, Relaxed);
        self.signal();
    }

    /// One more, and nobody is told.
    pub fn put_silently(&self) {
        self.count.fetch_add(1, Relaxed);
    }

    /// The signal alone.
    pub fn signal(&self) {
        self.event.signal();
    }

    /// Whether there is one.
    #[inline]
    pub fn any(&self) -> bool {
        self.count.load(Relaxed) != 0
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.load(Relaxed) as usize
    }

    /// One try to take one.
    #[inline]
    pub fn take(&self) -> nb::Result<(), Infallible> {
        let taken = self.count.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1));
        taken.map(drop).map_err(|_| nb::Error::WouldBlock)
    }

    /// Who waits for units.
    pub fn waiter(&self) -> Waiter<'_> {
        self.event.waiter().expect("one waiter at a time")
    }

    fn empty(&self) {
        self.count.store(0, Relaxed);
        self.signal();
    }
}

/// No units anywhere.
pub fn empty() {
    LEFT.empty();
    RIGHT.empty();
}

/// The source of most paths.
pub fn put() -> bool {
    LEFT.put();
    true
}

/// The source of paths that wait for either: the right one first, then in turn.
pub fn put_either() -> bool {
    either().put();
    true
}

/// The same, signalled to the waiter of the left one.
pub fn put_either_for_one() -> bool {
    either().put_silently();
    LEFT.signal();
    true
}

fn either() -> &'static Units {
    if placement::events() % 2 == 1 { &RIGHT } else { &LEFT }
}
