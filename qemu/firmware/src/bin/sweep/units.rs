//! What most paths wait for: units, which the handler puts and a try takes, one at a time.

use core::convert::Infallible;

use portable_atomic::{AtomicU32, Ordering::Relaxed};
use wouldblock::event::{Event, Waiter};

use crate::placement;

/// A number of units, and the event that is signalled when one is put.
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

    /// Adds a unit, then signals the event. The handler calls it.
    pub fn put(&self) {
        self.count.fetch_add(1, Relaxed);
        self.signal();
    }

    /// The same, as if nothing else put units in between.
    #[cfg(target_arch = "arm")]
    pub fn put_torn(&self) {
        self.count.store(self.count.load(Relaxed) + 1, Relaxed);
        self.signal();
    }

    /// Adds a unit without signalling.
    pub fn put_silently(&self) {
        self.count.fetch_add(1, Relaxed);
    }

    /// Signals the event only.
    pub fn signal(&self) {
        self.event.signal();
    }

    /// Whether there is a unit.
    #[inline]
    pub fn any(&self) -> bool {
        self.count.load(Relaxed) != 0
    }

    /// The number of units.
    pub fn count(&self) -> usize {
        self.count.load(Relaxed) as usize
    }

    /// Tries once to take a unit.
    #[inline]
    pub fn take(&self) -> nb::Result<(), Infallible> {
        let taken = self.count.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1));
        taken.map(drop).map_err(|_| nb::Error::WouldBlock)
    }

    /// The waiter of the event.
    pub fn waiter(&self) -> Waiter<'_> {
        self.event.waiter().expect("one waiter at a time")
    }

    fn empty(&self) {
        self.count.store(0, Relaxed);
        self.signal();
    }
}

/// Takes away all units of both sources, and signals both events.
pub fn empty() {
    LEFT.empty();
    RIGHT.empty();
}

/// The source of most paths.
pub fn put() -> bool {
    LEFT.put();
    true
}

/// The source of paths that wait for either: puts on the right first, then in turn.
pub fn put_either() -> bool {
    either().put();
    true
}

/// The same, but always signals the event of the left.
pub fn put_either_for_one() -> bool {
    either().put_silently();
    LEFT.signal();
    true
}

fn either() -> &'static Units {
    if placement::events() % 2 == 1 { &RIGHT } else { &LEFT }
}
