//! The result of a sweep.

use std::{
    any::Any,
    fmt,
    string::{String, ToString},
    vec::Vec,
};

use super::place::Placed;

/// The result of a sweep. It is displayed in one line, with the first failure if there is one.
#[derive(Clone, Debug)]
#[must_use = "a sweep shows nothing unless its report is checked"]
pub struct Report {
    name: String,
    pub(super) boundaries: u64,
    pub(super) cut_short: bool,
    pub(super) runs: u64,
    pub(super) interrupts: u64,
    pub(super) failures: Vec<Failure>,
}

impl Report {
    pub(super) fn new(name: &str) -> Self {
        let name = name.to_string();
        Self { name, boundaries: 0, cut_short: false, runs: 0, interrupts: 0, failures: Vec::new() }
    }

    /// The number of boundaries at which the event came.
    pub const fn boundaries(&self) -> u64 {
        self.boundaries
    }

    /// The number of runs of the foreground.
    #[doc(hidden)]
    pub const fn runs(&self) -> u64 {
        self.runs
    }

    /// The runs that failed, in their order.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The number of runs in which a wake-up was lost.
    pub fn lost(&self) -> u64 {
        self.count(&Fault::Lost)
    }

    /// The number of runs that did not end.
    pub fn stuck(&self) -> u64 {
        self.count(&Fault::Stuck)
    }

    /// The number of runs in which a handler used memory that the interrupted code was using.
    pub(super) fn torn(&self) -> u64 {
        self.count(&Fault::Torn)
    }

    fn count(&self, fault: &Fault) -> u64 {
        self.failures.iter().filter(|failure| failure.fault == *fault).count() as u64
    }

    /// Panics if a run failed, or if no interrupt came.
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

/// A run that failed. It is displayed with the file and the line of each event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The boundaries at which the events came, counted from 0.
    pub placements: Vec<u64>,
    /// What went wrong.
    pub fault: Fault,
    /// Where the events came that had come when the run ended.
    places: Vec<Placed>,
}

/// The fault in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A wake-up was lost: the foreground was asleep after the last event, and no interrupt was
    /// pending.
    Lost,
    /// The budget of steps was spent: a handler waits for the code that it has interrupted, an
    /// interrupt request never ends, or the foreground retries for ever.
    Stuck,
    /// A handler used one of the library's cells while the interrupted code was using it. On a
    /// device that is undefined behaviour.
    Torn,
    /// The foreground, a handler or the world panicked.
    Panicked(String),
}

impl Fault {
    /// The fault of a panic with this payload.
    pub(super) fn of_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self::Panicked(text.unwrap_or_default())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost => f.write_str("a wake-up is lost"),
            Self::Stuck => f.write_str("it does not end"),
            Self::Torn => f.write_str("a handler uses memory that the interrupted code is using"),
            Self::Panicked(words) => write!(f, "panicked: {words}"),
        }
    }
}

impl Failure {
    pub(super) fn new(placements: &[u64], places: Vec<Placed>, fault: Fault) -> Self {
        Self { placements: placements.to_vec(), fault, places }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        for (n, place) in self.places.iter().enumerate() {
            write!(f, "{} {place}", if n == 0 { ", event at" } else { ", then at" })?;
        }
        Ok(())
    }
}
