//! The sweep: a scenario, run once for each place at which an interrupt may come.

use std::{
    any::Any,
    fmt, panic,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    World,
    cpu::Cpu,
    run::{Run, Stop, Terms, in_critical_section},
};

/// Sweeps a scenario with the usual terms: one event is needed, handlers do not nest. See
/// [`Sweep`].
pub fn sweep<W: World>(name: &str, world: impl Fn() -> W, foreground: impl Fn(&W, &Cpu)) -> Report {
    Sweep::new(name).run(world, foreground)
}

/// How to sweep.
///
/// Each run makes a fresh world and then calls the foreground. An event comes at boundary n, for
/// every n that the foreground reaches; then two events come at every pair n ≤ m.
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

    /// Runs the whole sweep.
    ///
    /// # Panics
    /// In a program whose `critical-section` implementation is not the one for hosts: there the
    /// sweep could not tell where interrupts are held off.
    pub fn run<W: World>(&self, world: impl Fn() -> W, foreground: impl Fn(&W, &Cpu)) -> Report {
        let told = !in_critical_section() && critical_section::with(|_| in_critical_section());
        assert!(told, "the critical section of this program is not the one of a host");
        let mut report = Report::new(self.name);
        let mut place = |placements: &[u64]| {
            let world = Rc::new(world());
            let run = Run::new(world.clone(), self.terms, placements);
            let cpu = Cpu::new(run.clone());
            let end = run.enter(|| foreground(&world, &cpu));
            report.runs += 1;
            report.interrupts += run.interrupts();
            if let Err(payload) = end {
                report.failures.push(Failure::new(placements, &*payload));
            }
            run.all_placed()
        };
        let boundaries = (0..self.limit).take_while(|&n| place(&[n])).count() as u64;
        for n in 0..boundaries {
            _ = (n..self.limit).take_while(|&m| place(&[n, m])).count();
        }
        report.boundaries = boundaries;
        report.cut_short = boundaries == self.limit;
        report
    }
}

/// What a sweep found. It is printed in one line, and more where something is wrong.
#[derive(Clone, Debug)]
#[must_use = "a sweep that nobody looks at shows nothing"]
pub struct Report {
    name: String,
    boundaries: u64,
    cut_short: bool,
    runs: u64,
    interrupts: u64,
    failures: Vec<Failure>,
}

impl Report {
    fn new(name: &str) -> Self {
        let name = name.to_string();
        Self { name, boundaries: 0, cut_short: false, runs: 0, interrupts: 0, failures: Vec::new() }
    }

    /// Places at which the event came.
    pub const fn boundaries(&self) -> u64 {
        self.boundaries
    }

    /// Whether the sweep ended at its limit, not at the last boundary.
    pub const fn is_cut_short(&self) -> bool {
        self.cut_short
    }

    /// Runs of the foreground.
    pub const fn runs(&self) -> u64 {
        self.runs
    }

    /// Handlers that ran, in all runs.
    pub const fn interrupts(&self) -> u64 {
        self.interrupts
    }

    /// Runs that did not end as they should, in the order in which they were made.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Runs in which a wake-up was lost.
    pub fn lost(&self) -> u64 {
        self.count(&Fault::Lost)
    }

    /// Runs that would not have ended.
    pub fn stuck(&self) -> u64 {
        self.count(&Fault::Stuck)
    }

    /// Runs in which a handler reached into what it had interrupted.
    pub fn torn(&self) -> u64 {
        self.count(&Fault::Torn)
    }

    fn count(&self, fault: &Fault) -> u64 {
        self.failures.iter().filter(|failure| failure.fault == *fault).count() as u64
    }

    /// Panics unless there were runs, interrupts came, and every run ended as it should.
    ///
    /// # Panics
    /// With the report.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.failures.is_empty(), "{self}");
        assert!(self.boundaries > 1 && self.interrupts > 0, "nothing was swept: {self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, boundaries, runs, interrupts, failures, .. } = self;
        let first = if self.cut_short { "first " } else { "" };
        let (lost, stuck, torn) = (self.lost(), self.stuck(), self.torn());
        let failed = failures.len() as u64 - lost - stuck - torn;
        write!(
            f,
            "{name}: {first}{boundaries} boundaries, {runs} runs, {interrupts} interrupts: "
        )?;
        write!(f, "{lost} lost, {stuck} stuck, {torn} torn, {failed} failed")?;
        failures.first().map_or(Ok(()), |failure| write!(f, "; first: {failure}"))
    }
}

/// One run that did not end as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The boundaries at which the events came, counted from 0.
    pub placements: Vec<u64>,
    /// What went wrong.
    pub fault: Fault,
}

/// What goes wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A wake-up was lost: the foreground was asleep after the last event, and no interrupt was
    /// pending.
    Lost,
    /// The budget of steps was spent: a handler spins on what it has interrupted, an interrupt is
    /// never quieted, or the foreground retries for ever.
    Stuck,
    /// A handler used a cell of the library's that what it had interrupted was using. On a device
    /// that is undefined behaviour.
    Torn,
    /// The foreground, a handler or the world panicked.
    Panicked(String),
}

impl Failure {
    fn new(placements: &[u64], payload: &(dyn Any + Send)) -> Self {
        let words = |payload: &(dyn Any + Send)| {
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
        };
        let fault = match payload.downcast_ref() {
            Some(Stop::Lost) => Fault::Lost,
            Some(Stop::Stuck) => Fault::Stuck,
            Some(Stop::Torn) => Fault::Torn,
            None => Fault::Panicked(words(payload)),
        };
        Self { placements: placements.to_vec(), fault }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Lost => f.write_str("a wake-up is lost")?,
            Fault::Stuck => f.write_str("it does not end")?,
            Fault::Torn => f.write_str("a handler uses what it has interrupted")?,
            Fault::Panicked(words) => write!(f, "panicked: {words}")?,
        }
        write!(f, ", events at boundaries {:?}", self.placements)
    }
}

/// Counts the boundaries of `body`: what it costs, the same on every host.
pub fn boundaries_of<R>(body: impl FnOnce() -> R) -> (R, u64) {
    bounded(u64::MAX, body).unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// As [`boundaries_of`]; ends `body` when it has spent its `budget`.
pub(super) fn bounded<R>(budget: u64, body: impl FnOnce() -> R) -> std::thread::Result<(R, u64)> {
    let run = Run::new(Rc::new(Nothing), Terms { needs: 0, budget, nested: false }, &[]);
    let mut end = None;
    run.enter(|| end = Some(body()))?;
    let Some(end) = end else { unreachable!("the body has returned") };
    Ok((end, run.boundaries()))
}

/// A world in which nothing happens.
struct Nothing;

impl World for Nothing {
    fn event(&self) {}

    fn deliver(&self) -> bool {
        false
    }
}
