//! One run of a scenario. It counts the boundaries of its thread, and events and handlers run at
//! them, on the same stack.
//!
//! On a device every access of the library runs to its end, and a handler returns to the code that
//! it has interrupted. So a boundary never unwinds: it returns, or the run stops there for ever.

// Invariant: a handler runs only where an interrupt could come: at a boundary, outside every
// critical section, and not in another handler unless handlers nest. An event may happen at any
// boundary.
//
// A run that must not continue is given up at the boundary where that is found: its thread tells
// the sweep and then parks for ever. So no value on its stack is dropped or used again, and no
// value is in two places.

use std::{
    boxed::Box,
    cell::{Cell, RefCell},
    fmt,
    panic::{self, AssertUnwindSafe},
    rc::Rc,
    thread,
    vec::Vec,
};

use super::{Fault, World, place::Placed};
pub(crate) use crate::hooks::{boundary, masked};
use crate::{
    hooks::{self, Address, Hooks, Place},
    section,
};

/// Whether handlers are held off on this thread, by a critical section of any crate or by the sweep.
/// Async-signal-safe.
pub fn in_critical_section() -> bool {
    hooks::held_off()
}

/// The conditions of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The number of events that the foreground waits for.
    pub needs: u64,
    /// The number of boundaries and handlers that the run may take.
    pub budget: u64,
    /// Whether handlers interrupt handlers.
    pub nested: bool,
}

/// Called when a run is given up.
pub(super) type GivenUp = Box<dyn Fn(&Run, Fault)>;

pub(super) struct Run {
    world: Rc<dyn World>,
    given_up: GivenUp,
    terms: Terms,
    /// The boundaries at which an event comes, in order.
    placements: Vec<u64>,
    placed: Cell<usize>,
    /// Where these boundaries are in the source, of those that were reached.
    places: RefCell<Vec<Placed>>,
    boundaries: Cell<u64>,
    steps: Cell<u64>,
    events: Cell<u64>,
    interrupts: Cell<u64>,
    handlers: Cell<u32>,
    in_event: Cell<bool>,
    time: Cell<u64>,
    /// The cells in use, and whether each use is exclusive.
    cells: RefCell<Vec<(Address, bool)>>,
}

impl Run {
    pub fn new(
        world: Rc<dyn World>,
        terms: Terms,
        placements: &[u64],
        given_up: GivenUp,
    ) -> Rc<Self> {
        Rc::new(Self {
            world,
            given_up,
            terms,
            placements: placements.to_vec(),
            placed: Cell::new(0),
            places: RefCell::default(),
            boundaries: Cell::new(0),
            steps: Cell::new(0),
            events: Cell::new(0),
            interrupts: Cell::new(0),
            handlers: Cell::new(0),
            in_event: Cell::new(false),
            time: Cell::new(0),
            cells: RefCell::default(),
        })
    }

    /// Runs `foreground` as this thread's run. Does not return if the run is given up.
    ///
    /// # Errors
    /// The foreground has panicked: that unwinds, as on a hosted target.
    pub fn enter<R>(self: &Rc<Self>, foreground: impl FnOnce() -> R) -> thread::Result<R> {
        hooks::install(self.clone());
        let end = panic::catch_unwind(AssertUnwindSafe(foreground));
        hooks::remove();
        end
    }

    /// Whether more events will come, at boundaries or while the foreground sleeps.
    fn events_are_left(&self) -> bool {
        self.events.get() < self.terms.needs.max(self.placements.len() as u64)
    }

    fn event(&self) {
        self.events.set(self.events.get() + 1);
        self.in_event.set(true);
        self.of_the_world(|world| world.event());
        self.in_event.set(false);
    }

    /// Runs the handlers that are due, if an interrupt can come here. Returns whether any ran.
    fn deliver(&self) -> bool {
        let depth = self.handlers.get();
        let deepest = if self.terms.nested { 2 } else { 1 };
        let mut delivered = false;
        while depth < deepest && !in_critical_section() {
            self.handlers.set(depth + 1);
            let ran = self.of_the_world(|world| world.deliver());
            self.handlers.set(depth);
            if !ran {
                break;
            }
            self.interrupts.set(self.interrupts.get() + 1);
            delivered = true;
            self.step();
        }
        delivered
    }

    /// Runs code of the world. A panic in it does not unwind through the foreground.
    fn of_the_world<R>(&self, act: impl FnOnce(&dyn World) -> R) -> R {
        match panic::catch_unwind(AssertUnwindSafe(|| act(&*self.world))) {
            Ok(end) => end,
            Err(payload) => self.give_up(Fault::of_panic(&*payload)),
        }
    }

    fn step(&self) {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > self.terms.budget {
            self.give_up(Fault::Stuck);
        }
    }

    /// Ends the run here, without unwinding: see the module.
    fn give_up(&self, fault: Fault) -> ! {
        let fault = if thread::panicking() {
            Fault::Panicked(std::format!("the foreground, and as that unwinds: {fault}"))
        } else {
            fault
        };
        hooks::pause();
        section::abandon();
        (self.given_up)(self, fault);
        loop {
            thread::park();
        }
    }

    /// Sleeps like a CPU: calls `news` with interrupts held off, and then sleeps until the next
    /// interrupt. If no interrupt will come, sleeps until the deadline, which is `deadline` ticks
    /// away.
    #[track_caller]
    pub fn sleep(&self, news: impl Fn() -> bool, deadline: Option<u64>) {
        boundary();
        loop {
            if masked(&news) || thread::panicking() {
                return;
            }
            let spins = in_critical_section() || self.handlers.get() != 0;
            if self.deliver() {
                return;
            }
            if self.events.get() < self.terms.needs {
                self.event();
                if self.deliver() || spins {
                    return;
                }
                continue;
            }
            match deadline {
                _ if spins => return self.step(),
                Some(ticks) if self.terms.needs == 0 => {
                    return self.time.set(self.time.get() + ticks);
                }
                _ => self.give_up(Fault::Lost),
            }
        }
    }

    /// Reads the clock, which advances it by one tick.
    pub fn look_at_the_time(&self) -> u64 {
        self.time.replace(self.time.get() + 1)
    }

    /// Whether the run reached every boundary at which an event was to come.
    pub fn all_placed(&self) -> bool {
        self.placed.get() == self.placements.len()
    }

    pub fn events(&self) -> u64 {
        self.events.get()
    }

    pub fn interrupts(&self) -> u64 {
        self.interrupts.get()
    }

    pub fn placements(&self) -> &[u64] {
        &self.placements
    }

    pub fn places(&self) -> Vec<Placed> {
        self.places.borrow().clone()
    }

    pub fn boundaries(&self) -> u64 {
        self.boundaries.get()
    }
}

impl Hooks for Run {
    fn boundary(&self, place: Place) {
        if self.in_event.get() {
            return;
        }
        self.step();
        if thread::panicking() {
            // Boundaries are not counted any more, but events still come: a drop may wait for one.
            if self.handlers.get() == 0 && self.events.get() < self.terms.needs {
                self.event();
            }
        } else if self.handlers.get() == 0 || self.terms.nested {
            let here = self.boundaries.replace(self.boundaries.get() + 1);
            while self.placements.get(self.placed.get()) == Some(&here) && self.events_are_left() {
                self.placed.set(self.placed.get() + 1);
                self.places.borrow_mut().push(Placed::new(place, here));
                self.event();
            }
        }
        self.deliver();
    }

    fn begin_access(&self, cell: Address, exclusive: bool) {
        let mut cells = self.cells.borrow_mut();
        let torn = cells.iter().any(|&(other, its)| other == cell && (its || exclusive));
        cells.push((cell, exclusive));
        drop(cells);
        if torn {
            self.give_up(Fault::Torn);
        }
    }

    fn end_access(&self) {
        self.cells.borrow_mut().pop(); // The last one, because accesses nest like calls.
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("boundaries", &self.boundaries).finish_non_exhaustive()
    }
}
