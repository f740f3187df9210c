//! Tests of the sweep itself: where it runs handlers, and how often.

use std::{
    cell::Cell,
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
