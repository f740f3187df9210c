//! The sweep: runs a scenario once for each boundary, with an interrupt there.

use std::{
    boxed::Box,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::Sender},
    vec,
    vec::Vec,
};

use super::{
    Fault, World,
    apart::apart,
    cpu::Cpu,
    report::{Failure, Report},
    run::{Run, Terms},
};
use crate::section;

const OTHER: &str = "this program has another critical section than the one that `wouldblock` brings with \
    `testing`, so the sweep cannot see it: turn off the feature `std` of `critical-section`, and what else \
    brings one";

/// Sweeps a scenario with the default conditions: the foreground waits for one event, and handlers
/// do not nest. See [`Sweep`].
pub fn sweep<W: World>(
    name: &str,
    world: impl Fn() -> W + Send + Sync + 'static,
    foreground: impl Fn(&W, &Cpu) + Send + Sync + 'static,
) -> Report {
    Sweep::new(name).run(world, foreground)
}

/// A sweep and its conditions.
///
/// Each run makes a new world and then calls the foreground. In the first runs one event comes at
/// boundary n, for every n that the foreground reaches; then two events come, at every pair n ≤ m.
///
/// A run is abandoned when a wake-up is lost, the budget is spent, a cell is torn, or the world or
/// a handler panics: on a device nothing would unwind there. It keeps its thread and its memory
/// until the program ends, and the sweep continues on another thread. If it has something in a
/// `static` (a job in a slot, a waiter, a locked `std` mutex), this stays occupied in the following
/// runs. So put these into the world.
#[derive(Clone, Debug)]
#[must_use = "nothing is swept until `run`"]
pub struct Sweep<'n> {
    name: &'n str,
    terms: Terms,
    limit: u64,
}

impl<'n> Sweep<'n> {
    /// The foreground waits for one event, handlers do not nest, a run takes at most 10 000 steps,
    /// and the sweep at most 1000 boundaries.
    pub const fn new(name: &'n str) -> Self {
        Self { name, terms: Terms { needs: 1, budget: 10_000, nested: false }, limit: 1000 }
    }

    /// Sets the number of events that the foreground waits for. Events that were not placed at a
    /// boundary come while it sleeps. A sleep after the last event, with no interrupt pending, is a
    /// lost wake-up.
    ///
    /// With 0, events come only at boundaries, and a sleep with a deadline lasts until the
    /// deadline.
    pub const fn needs(mut self, events: u64) -> Self {
        self.terms.needs = events;
        self
    }

    /// Lets handlers interrupt handlers, one level deep, as an interrupt of a higher priority does.
    pub const fn nested(mut self) -> Self {
        self.terms.nested = true;
        self
    }

    /// Sets the number of boundaries and handlers that one run may take. A run that takes more is
    /// stuck.
    pub const fn budget(mut self, steps: u64) -> Self {
        self.terms.budget = steps;
        self
    }

    /// Sweeps only the first `boundaries` boundaries: for a foreground that spins, which has no
    /// last one.
    pub const fn limit(mut self, boundaries: u64) -> Self {
        self.limit = boundaries;
        self
    }

    /// Runs the whole sweep. The worlds are made and the runs execute on another thread.
    ///
    /// # Panics
    /// If `world` or the drop of a world panics. If the program's `critical-section` implementation
    /// is not the one that this crate brings: the sweep would then not see where interrupts are held
    /// off.
    pub fn run<W: World>(
        &self,
        world: impl Fn() -> W + Send + Sync + 'static,
        foreground: impl Fn(&W, &Cpu) + Send + Sync + 'static,
    ) -> Report {
        assert_section();
        let places = Arc::new(Mutex::new(Places::new(self)));
        let scenario = Arc::new(Scenario { terms: self.terms, world, foreground });
        loop {
            let (its, scenario) = (places.clone(), scenario.clone());
            if apart(move |left| scenario.work(&its, &left)) {
                return lock(&places).report.clone();
            }
        }
    }
}

/// Checks that the program's critical section is the one that this crate brings.
///
/// # Panics
/// If it is not.
#[track_caller]
pub(super) fn assert_section() {
    assert!(critical_section::with(|_| section::held()), "{OTHER}");
}

/// The world and the foreground of a sweep.
struct Scenario<M, F> {
    terms: Terms,
    world: M,
    foreground: F,
}

impl<W: World, M: Fn() -> W, F: Fn(&W, &Cpu)> Scenario<M, F> {
    /// Executes one run after the other on this thread, and returns `true` when the sweep is over.
    /// If a run is given up, `left` gets `false`, and the run keeps this thread.
    fn work(&self, places: &Arc<Mutex<Places>>, left: &Sender<bool>) -> bool {
        loop {
            let next = lock(places).next(); // Not locked during the run.
            let Some(placements) = next else { return true };
            let world = Rc::new((self.world)());
            let given_up = {
                let (places, left) = (places.clone(), left.clone());
                move |run: &Run, fault| {
                    lock(&places).record(run, Some(fault));
                    _ = left.send(false);
                }
            };
            let run = Run::new(world.clone(), self.terms, &placements, Box::new(given_up));
            let cpu = Cpu::new(run.clone());
            let end = run.enter(|| (self.foreground)(&world, &cpu));
            lock(places).record(&run, end.err().map(|payload| Fault::of_panic(&*payload)));
        }
    }
}

fn lock(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The progress of the sweep: the boundaries for the next run, and the report so far.
struct Places {
    report: Report,
    limit: u64,
    /// The boundary of the first of two events; `None` while there is only one event.
    first: Option<u64>,
    /// The boundary of the only or the last event.
    last: u64,
}

impl Places {
    fn new(sweep: &Sweep<'_>) -> Self {
        let first = (sweep.limit == 0).then_some(0);
        Self { report: Report::new(sweep.name), limit: sweep.limit, first, last: 0 }
    }

    /// The boundaries of the events in the next run; `None` when the sweep is over.
    fn next(&self) -> Option<Vec<u64>> {
        match self.first {
            None => Some(vec![self.last]),
            Some(first) if first < self.report.boundaries => Some(vec![first, self.last]),
            Some(_) => None,
        }
    }

    /// Records the end of a run.
    fn record(&mut self, run: &Run, fault: Option<Fault>) {
        let report = &mut self.report;
        report.runs += 1;
        report.interrupts += run.interrupts();
        report
            .failures
            .extend(fault.map(|fault| Failure::new(run.placements(), run.places(), fault)));
        // If the run has not reached a boundary, this row ends.
        let reached = run.all_placed();
        if reached && self.first.is_none() {
            report.boundaries += 1;
            report.cut_short = report.boundaries == self.limit;
        }
        self.last += 1;
        if !reached || self.last == self.limit {
            self.last = self.first.map_or(0, |first| first + 1);
            self.first = Some(self.last);
        }
    }
}

/// Runs `body` on what `make` makes, and returns the number of boundaries it takes. `None` if it
/// takes more than `budget`; its thread is then abandoned. A panic of `body` continues here.
pub(super) fn bounded<T>(
    budget: u64,
    make: impl FnOnce() -> T + Send + 'static,
    body: impl FnOnce(&mut T) + Send + 'static,
) -> Option<u64> {
    apart(move |left| {
        let mut made = make();
        let terms = Terms { needs: 0, budget, nested: false };
        let given_up = move |_: &Run, _| _ = left.send(None);
        let run = Run::new(Rc::new(Nothing), terms, &[], Box::new(given_up));
        match run.enter(|| body(&mut made)) {
            Ok(()) => Some(run.boundaries()),
            Err(payload) => std::panic::resume_unwind(payload),
        }
    })
}

/// A world without events.
struct Nothing;

impl World for Nothing {
    fn event(&self) {}

    fn deliver(&self) -> bool {
        false
    }
}
