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
    fmt::{self, Write as _},
    panic::{self, AssertUnwindSafe},
    rc::Rc,
    sync::atomic::{AtomicU8, Ordering},
    thread,
    vec::Vec,
};

use critical_section::RestoreState;

use super::{Fault, World, place::Placed};
pub(crate) use crate::hooks::{boundary, masked};
use crate::{
    hooks::{self, Address, Hooks, Place},
    section,
};

thread_local! {
    /// The state with which the outermost critical section of this thread is released.
    static OUTERMOST: Cell<Option<RestoreState>> = const { Cell::new(None) };
}

/// Whether handlers are held off on this thread, by a critical section of any crate or by the sweep.
/// Async-signal-safe.
pub fn in_critical_section() -> bool {
    hooks::held_off() || !sections_are_seen() && holds_section()
}

/// Whether the program's critical section is that of this crate, so that both ends are boundaries.
pub(super) fn sections_are_seen() -> bool {
    /// 0 while that is unknown, else 1 more than the answer.
    static ANSWER: AtomicU8 = AtomicU8::new(0);
    match ANSWER.load(Ordering::Relaxed) {
        0 => {
            let seen = critical_section::with(|_| section::held());
            ANSWER.store(u8::from(seen) + 1, Ordering::Relaxed);
            seen
        }
        answer => answer == 2,
    }
}

/// Whether this thread has acquired a critical section of the crate `critical-section`.
fn holds_section() -> bool {
    // SAFETY: released below, in the order of acquisition.
    let state = unsafe { critical_section::acquire() };
    let mut text = Text::default();
    _ = write!(text, "{state:?}");
    // SAFETY: acquired above, with this state.
    unsafe { critical_section::release(state) };
    text.says_true
}

/// Finds out whether "true" is written to it, without a buffer. `critical-section`'s implementation for
/// hosts keeps in its restore state whether the section is nested. That state is opaque, but
/// implements `Debug`.
#[derive(Default)]
struct Text {
    says_true: bool,
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.says_true |= text == "true";
        Ok(())
    }
}

/// Releases the critical section that this thread is in, if any: the thread will never leave it
/// itself.
fn leave_section() {
    section::abandon();
    if !sections_are_seen()
        && holds_section()
        && let Some(outermost) = OUTERMOST.get()
    {
        // SAFETY: frames of this thread have acquired it and will never release it. Releasing the
        // outermost section is enough; this state has released an outermost section of this thread
        // before.
        unsafe { critical_section::release(outermost) };
    }
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
        // SAFETY: released at once.
        let outermost = unsafe { critical_section::acquire() };
        // SAFETY: just acquired.
        unsafe { critical_section::release(outermost) };
        OUTERMOST.set(Some(outermost));
        sections_are_seen(); // In a run, to find that out would be two boundaries.
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
        leave_section();
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
