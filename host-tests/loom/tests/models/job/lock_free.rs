//! A copy of the state as one word, and its flaws.

use std::sync::Arc;

use loom::{
    cell::UnsafeCell,
    sync::{
        Notify,
        atomic::{AtomicU32, Ordering::*},
    },
    thread,
};

use super::{BEGINS_FIRST, LETS_GO_LATE, NO_NOTE, Start, UNRELEASED, two_steps};
use crate::run::{ASLEEP, Flag, Section, finds};

/// A note does not order the accesses of its handler before it.
const RELAXED_NOTE: u8 = 10;

const RUNNING: u32 = 1;
const STEPPING: u32 = 2;
const NOTE: u32 = 4;
const DONE: u32 = 8;

pub struct Twin<const FLAW: u8> {
    state: AtomicU32,
    section: Section,
    op: UnsafeCell<Option<Flag>>,
    result: UnsafeCell<u32>,
    ended: Notify,
}

// SAFETY: the models show that it is `Sync`, except for its flaw.
unsafe impl<const FLAW: u8> Sync for Twin<FLAW> {}

impl<const FLAW: u8> Start for Twin<FLAW> {
    fn new() -> Self {
        Self {
            state: AtomicU32::new(0),
            section: Section::new(),
            op: UnsafeCell::new(None),
            result: UnsafeCell::new(0),
            ended: Notify::new(),
        }
    }

    fn start(&'static self, begun: &Arc<AtomicU32>, ready: &Flag) {
        // SAFETY: no step can have claimed the operation before it is published.
        self.op.with_mut(|op| unsafe { *op = Some(ready.clone()) });
        let section = (FLAW != BEGINS_FIRST).then(|| self.section.enter());
        begun.store(1, Release);
        self.state.store(RUNNING, Release);
        drop(section);
    }

    fn step(&'static self) {
        drop(self.section.enter()); // A start publishes within the section.
        let mut state = self.state.load(Relaxed);
        loop {
            let next = match state {
                0 | DONE => return,
                RUNNING => STEPPING,
                claimed if FLAW == NO_NOTE => claimed,
                claimed => claimed | NOTE,
            };
            let order = if FLAW == RELAXED_NOTE { Acquire } else { AcqRel };
            match self.state.compare_exchange(state, next, order, Relaxed) {
                Ok(RUNNING) => break,
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        loop {
            // SAFETY: this step has claimed the operation.
            let ended = self.op.with_mut(|op| unsafe { &*op }.as_ref().unwrap().is_set());
            if ended {
                // SAFETY: as above.
                self.result.with_mut(|result| unsafe { *result = 1 });
                self.state.store(DONE, if FLAW == UNRELEASED { Relaxed } else { Release });
                return self.ended.notify();
            }
            if FLAW == LETS_GO_LATE {
                if self.state.load(Acquire) == STEPPING {
                    return self.state.store(RUNNING, Release);
                }
                self.state.store(STEPPING, Relaxed);
                continue;
            }
            match self.state.compare_exchange(STEPPING, RUNNING, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(_) => _ = self.state.fetch_and(!NOTE, AcqRel),
            }
        }
    }

    fn wait(&self) {
        self.ended.wait();
    }
}

impl<const FLAW: u8> Twin<FLAW> {
    /// Takes the end when it is there.
    pub fn collect(&self) {
        while self.state.load(Acquire) != DONE {
            thread::yield_now();
        }
        // SAFETY: except for the flaw, the step that has ended the operation comes before this.
        assert_eq!(self.result.with(|result| unsafe { *result }), 1);
    }
}

#[test]
fn a_note_that_does_not_order_is_found() {
    finds("note that does not order", &[ASLEEP], two_steps::<Twin<RELAXED_NOTE>>);
}
