//! The sweep: a scenario, run once for each place at which an interrupt may come.

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
    run::{Run, Terms, in_critical_section},
};

/// Sweeps a scenario with the usual terms: one event is needed, handlers do not nest. See
/// [`Sweep`].
pub fn sweep<W: World>(
    name: &str,
    world: impl Fn() -> W + Send + Sync + 'static,
    foreground: impl Fn(&W, &Cpu) + Send + Sync + 'static,
) -> Report {
    Sweep::new(name).run(world, foreground)
}

/// How to sweep.
///
/// Each run makes a fresh world and then calls the foreground. An event comes at boundary n, for
/// every n that the foreground reaches; then two events come at every pair n ≤ m.
///
/// A run in which a wake-up is lost, the budget is spent, a cell is torn, or the world or a handler
/// panics, is given up where it stands, since on a device nothing would unwind there: it keeps its
/// thread and its memory until the program ends, and the sweep continues on another thread. What
/// such a run holds in a `static` (a job in a slot, a waiter, a locked `std` mutex) is held for the
/// runs after it, too: make these in the world.
#[derive(Clone, Debug)]
#[must_use = "nothing is swept until `run`"]
pub struct Sweep<'n> {
    name: &'n str,
    terms: Terms,
    limit: u64,
}

impl<'n> Sweep<'n> {
    /// One event is needed, handlers do not nest, at most 10 000 steps a run and 1000 boundaries.
    pub const fn new(name: &'n str) -> Self {
        Self { name, terms: Terms { needs: 1, budget: 10_000, nested: false }, limit: 1000 }
    }

    /// How many events the foreground waits for. Those that were not placed at a boundary come
    /// while it sleeps; a sleep after the last one, with no interrupt pending, is a lost wake-up.
    ///
    /// With 0, events come only at boundaries, and a sleep with a deadline lasts until that.
    pub const fn needs(mut self, events: u64) -> Self {
        self.terms.needs = events;
        self
    }

    /// Handlers are interrupted by handlers, one level deep, as by an interrupt of a higher
    /// priority.
    pub const fn nested(mut self) -> Self {
        self.terms.nested = true;
        self
    }

    /// Boundaries and handlers that one run may take. A run that takes more is stuck.
    pub const fn budget(mut self, steps: u64) -> Self {
        self.terms.budget = steps;
        self
    }

    /// Sweeps the first `boundaries` only: for a foreground that spins, which has no last one.
    pub const fn limit(mut self, boundaries: u64) -> Self {
        self.limit = boundaries;
        self
    }

    /// Runs the whole sweep. The runs are on another thread; the worlds are made there.
    ///
    /// # Panics
    /// If `world` panics, or the drop of a world. In a program whose `critical-section`
    /// implementation is not the one for hosts: there the sweep could not tell where interrupts are
    /// held off.
    pub fn run<W: World>(
        &self,
        world: impl Fn() -> W + Send + Sync + 'static,
        foreground: impl Fn(&W, &Cpu) + Send + Sync + 'static,
    ) -> Report {
        let told = !in_critical_section() && critical_section::with(|_| in_critical_section());
        assert!(told, "the critical section of this program is not the one of a host");
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

/// What is run.
struct Scenario<M, F> {
    terms: Terms,
    world: M,
    foreground: F,
}

impl<W: World, M: Fn() -> W, F: Fn(&W, &Cpu)> Scenario<M, F> {
    /// One run after the other, on this thread; `true` when the sweep is over. `left` gets `false`
    /// if a run is given up, which stays on this thread.
    fn work(&self, places: &Arc<Mutex<Places>>, left: &Sender<bool>) -> bool {
        loop {
            let next = lock(places).next(); // Not locked while the run is under way.
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

/// Where the sweep is: the places for the next run, and what was found so far.
struct Places {
    report: Report,
    limit: u64,
    /// Where the first of two events comes; `None` while there is one event.
    first: Option<u64>,
    /// Where the only event comes, or the last.
    last: u64,
}

impl Places {
    fn new(sweep: &Sweep<'_>) -> Self {
        let first = (sweep.limit == 0).then_some(0);
        Self { report: Report::new(sweep.name), limit: sweep.limit, first, last: 0 }
    }

    /// Where the events of the next run come; `None` when the sweep is over.
    fn next(&self) -> Option<Vec<u64>> {
        match self.first {
            None => Some(vec![self.last]),
            Some(first) if first < self.report.boundaries => Some(vec![first, self.last]),
            Some(_) => None,
        }
    }

    /// The end of a run with those events.
    fn record(&mut self, run: &Run, fault: Option<Fault>) {
        let report = &mut self.report;
        report.runs += 1;
        report.interrupts += run.interrupts();
        report.failures.extend(fault.map(|fault| Failure::new(run.placements(), fault)));
        // A place that the run has not reached is the last of its row.
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

/// Makes something, runs `body` on it and counts the boundaries of that, up to `budget`. `None` if
/// it takes more; it is then left where it stands. A panic of `body` continues here.
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

/// A world in which nothing happens.
struct Nothing;

impl World for Nothing {
    fn event(&self) {}

    fn deliver(&self) -> bool {
        false
    }
}
