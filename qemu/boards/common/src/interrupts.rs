//! The handler of a line, and what is counted of interrupts.

// Invariant: a slot's `handler` is null or was a `fn(L)`.

use core::{
    cell::Cell,
    marker::PhantomData,
    mem, ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

use critical_section::Mutex;

use crate::observed;

/// The handler of one line, and how often it was called. `L` is the board's type of a line.
#[derive(Debug)]
pub struct Slot<L> {
    handler: AtomicPtr<()>,
    taken: Mutex<Cell<u64>>,
    of: PhantomData<fn(L)>,
}

impl<L> Slot<L> {
    /// No handler.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            handler: AtomicPtr::new(ptr::null_mut()),
            taken: Mutex::new(Cell::new(0)),
            of: PhantomData,
        }
    }

    /// Installs the handler.
    pub fn set_handler(&self, handler: fn(L)) {
        self.handler.store(handler as *mut (), Ordering::Release);
    }

    #[inline]
    fn handler(&self) -> Option<fn(L)> {
        let handler = self.handler.load(Ordering::Acquire);
        // SAFETY: by the invariant of the module it was a `fn(L)`, if it is not null.
        (!handler.is_null()).then(|| unsafe { mem::transmute::<*mut (), fn(L)>(handler) })
    }

    /// How often it was called.
    #[must_use]
    pub fn taken(&self) -> u64 {
        critical_section::with(|section| self.taken.borrow(section).get())
    }
}

impl<L> Default for Slot<L> {
    fn default() -> Self {
        Self::new()
    }
}

/// What is counted of the interrupts of a board with one core. Handlers may nest.
#[derive(Debug)]
pub struct Counts(Mutex<Cells>);

#[derive(Debug)]
struct Cells {
    taken: Cell<u64>,
    spent: Cell<u64>,
    depth: Cell<u64>,
    deepest: Cell<u64>,
    interrupted: Cell<usize>,
}

impl Counts {
    /// None so far.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Cells {
            taken: Cell::new(0),
            spent: Cell::new(0),
            depth: Cell::new(0),
            deepest: Cell::new(0),
            interrupted: Cell::new(0),
        }))
    }

    /// Calls the handler of `line`, and counts. `now` reads the counter. Returns `false`, and does
    /// nothing, if there is no handler.
    ///
    /// A handler may be interrupted before it is counted and after. So the counter is read in the
    /// section that counts: the spans of two handlers that are not nested do not overlap.
    #[inline]
    pub fn run<L>(
        &self,
        slot: &Slot<L>,
        line: L,
        interrupted: usize,
        now: impl Fn() -> u64,
    ) -> bool {
        let Some(handler) = slot.handler() else {
            return false;
        };
        let start = critical_section::with(|section| {
            let start = now();
            let counts = self.0.borrow(section);
            add(slot.taken.borrow(section), 1);
            add(&counts.taken, 1);
            add(&counts.depth, 1);
            counts.deepest.set(counts.deepest.get().max(counts.depth.get()));
            counts.interrupted.set(interrupted);
            observed::begins(start);
            start
        });
        handler(line);
        critical_section::with(|section| {
            let counts = self.0.borrow(section);
            counts.depth.set(counts.depth.get() - 1);
            // Of nested handlers, the outermost one's span contains the others.
            if counts.depth.get() == 0 {
                add(&counts.spent, now() - start);
            }
            observed::ends(&now);
        });
        true
    }

    /// Interrupts taken, on all lines together.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.get(|counts| counts.taken.get())
    }

    /// Time spent in handlers, in ticks of the counter.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.get(|counts| counts.spent.get())
    }

    /// The most handlers that ever ran inside one another.
    #[must_use]
    pub fn deepest(&self) -> u64 {
        self.get(|counts| counts.deepest.get())
    }

    /// The address of the instruction that the last interrupt came before.
    #[must_use]
    pub fn interrupted(&self) -> usize {
        self.get(|counts| counts.interrupted.get())
    }

    fn get<T>(&self, what: impl FnOnce(&Cells) -> T) -> T {
        critical_section::with(|section| what(self.0.borrow(section)))
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

fn add(cell: &Cell<u64>, more: u64) {
    cell.set(cell.get() + more);
}
