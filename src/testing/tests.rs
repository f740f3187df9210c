//! Tests of the sweep itself: where it runs handlers, and how often.

use std::{
    cell::Cell,
    format,
    string::ToString,
    sync::{Arc, Mutex},
    vec::Vec,
};

use super::{Fault, Sweep, World, boundary, in_critical_section, sweep};
use crate::atomic::{AtomicU32, Ordering, UnsafeCell, section};

/// A handler that writes to the cell that the foreground uses.
struct Shared {
    cell: UnsafeCell<u32>,
    word: AtomicU32,
    requested: Cell<bool>,
    /// Whether a handler ran in a critical section.
    masked: Cell<bool>,
}

impl Shared {
    fn new() -> Self {
        let (requested, masked) = <(Cell<bool>, Cell<bool>)>::default();
        Self { cell: UnsafeCell::new(0), word: AtomicU32::new(0), requested, masked }
    }

    fn write(&self) {
        // SAFETY: there is one thread. If another use is in progress, the sweep ends the run before
        // it gets here.
        self.cell.with_mut(|cell| unsafe { *cell += 1 });
    }
}

impl World for Shared {
    fn event(&self) {
        self.requested.set(true);
    }

    fn deliver(&self) -> bool {
        let requested = self.requested.take();
        if requested {
            self.masked.set(self.masked.get() || in_critical_section());
            self.write();
            self.word.fetch_add(1, Ordering::Relaxed);
        }
        requested
    }
}

#[test]
fn a_cell_that_the_interrupted_code_uses_is_torn() {
    let unguarded = Sweep::new("torn").needs(0).run(Shared::new, |shared, _| {
        shared.cell.with(|_| boundary());
    });
    assert!(unguarded.torn() > 0, "{unguarded}");
    assert!(unguarded.failures().iter().all(|failure| failure.fault == Fault::Torn));
    let guarded = Sweep::new("guarded").needs(0).run(Shared::new, |shared, _| {
        section(|_| shared.write());
        section(|_| shared.cell.with_mut(|_| boundary()));
    });
    guarded.assert_clean();
}

#[test]
fn no_handler_runs_in_a_critical_section() {
    let report = Sweep::new("sections").needs(0).run(Shared::new, |shared, cpu| {
        section(|_| shared.word.load(Ordering::Relaxed));
        critical_section::with(|_| {
            let before = shared.word.load(Ordering::Relaxed);
            section(|_| boundary());
            assert_eq!(shared.word.load(Ordering::Relaxed), before);
        });
        cpu.step();
        assert_eq!(u64::from(shared.word.load(Ordering::Relaxed) != 0), cpu.events().min(1));
        assert!(!shared.masked.get());
    });
    report.assert_clean();
}

#[test]
fn both_ends_of_a_critical_section_are_boundaries_of_its_line() {
    let above = line!();
    let report = Sweep::new("ends").needs(0).run(Shared::new, |_, cpu| {
        section(|_| ()); // A section of the library's, in whose place another crate's may be.
        critical_section::with(|_| ());
        assert!(cpu.events() == 0, "every run fails, so it names its place");
    });
    let single = report.failures().iter().filter(|failure| failure.placements.len() == 1);
    let places: Vec<_> = single.map(ToString::to_string).collect();
    assert_eq!(places.len(), 4, "{report}");
    for (n, (place, end)) in (0..).zip(places.iter().zip(["before", "after"].iter().cycle())) {
        assert!(place.contains(&format!("event at src/testing/tests.rs:{}:", above + 2 + n / 2)));
        assert!(
            place.ends_with(&format!(", {end} the critical section (boundary {n})")),
            "{place}"
        );
    }
}

#[test]
fn a_failure_names_the_line_of_each_event() {
    let above = line!();
    let report = Sweep::new("lines").needs(0).limit(2).run(Shared::new, |shared, cpu| {
        shared.word.load(Ordering::Relaxed);
        boundary();
        assert!(cpu.events() != 2, "wanted");
    });
    let both = report.failures().iter().find(|failure| failure.placements == [0, 1]);
    let said = both.unwrap().to_string();
    let line = |below| format!("src/testing/tests.rs:{}:", above + below);
    let (before, after) = said.split_once(", then at ").unwrap();
    assert!(before.starts_with(&format!("panicked: wanted, event at {}", line(2))), "{said}");
    assert!(after.starts_with(&line(3)) && after.ends_with("(boundary 1)"), "{said}");
}

#[test]
fn every_boundary_and_every_pair_is_a_run() {
    let places = Arc::<Mutex<Vec<_>>>::default();
    let its = places.clone();
    let report = sweep("pairs", Shared::new, move |shared, cpu| {
        (0..3).for_each(|_| boundary());
        its.lock().unwrap().push((shared.word.load(Ordering::Relaxed), cpu.events()));
    });
    // One event at each of four boundaries; then the pairs n <= m, where a run that reaches only
    // the first boundary ends the row; and one run that finds no fifth boundary.
    assert_eq!((report.boundaries(), report.runs()), (4, 4 + 1 + (4 + 3 + 2 + 1) + 4));
    assert_eq!(places.lock().unwrap().len() as u64, report.runs());
    assert!(report.failures().is_empty());
}
