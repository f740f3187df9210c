//! A copy of the state of bytes that change in critical sections, and its flaws.

use std::sync::Arc;

use loom::{
    cell::UnsafeCell,
    sync::{
        Notify,
        atomic::{AtomicU8, AtomicU32, Ordering::*},
    },
    thread,
};

use super::{BEGINS_FIRST, LETS_GO_LATE, NO_NOTE, Start, UNRELEASED, two_steps};
use crate::run::{Flag, Section, TORN, finds};

/// A step looks at the phase and claims the slot outside a section.
const CLAIMS_OUTSIDE: u8 = 10;

const IDLE: u8 = 0;
const RUNNING: u8 = 1;
const STEPPING: u8 = 2;
const DONE: u8 = 3;

pub struct Twin<const FLAW: u8> {
    phase: AtomicU8,
    note: AtomicU8,
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
            phase: AtomicU8::new(IDLE),
            note: AtomicU8::new(0),
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
        self.phase.store(RUNNING, Release);
        drop(section);
    }

    fn step(&'static self) {
        if !self.claim() {
            return;
        }
        loop {
            // SAFETY: this step has claimed the operation.
            let ended = self.op.with_mut(|op| unsafe { &*op }.as_ref().unwrap().is_set());
            if ended {
                // SAFETY: as above.
                self.result.with_mut(|result| unsafe { *result = 1 });
                self.phase.store(DONE, if FLAW == UNRELEASED { Relaxed } else { Release });
                return self.ended.notify();
            }
            if self.release() {
                return;
            }
        }
    }

    fn wait(&self) {
        self.ended.wait();
    }
}

impl<const FLAW: u8> Twin<FLAW> {
    /// Whether the caller has to step.
    fn claim(&self) -> bool {
        let section = (FLAW != CLAIMS_OUTSIDE).then(|| self.section.enter());
        let claimed = match self.phase.load(Relaxed) {
            RUNNING => {
                self.phase.store(STEPPING, Relaxed);
                self.note.store(0, Relaxed);
                true
            }
            STEPPING => {
                if FLAW != NO_NOTE {
                    self.note.store(1, Relaxed);
                }
                false
            }
            _ => false,
        };
        drop(section);
        claimed
    }

    /// `false`: there was a note, and the claim continues.
    fn release(&self) -> bool {
        let mut section = self.section.enter();
        let noted = self.note.load(Relaxed) != 0;
        if FLAW == LETS_GO_LATE {
            drop(section);
            section = self.section.enter();
        }
        if noted {
            self.note.store(0, Relaxed);
        } else {
            self.phase.store(RUNNING, Relaxed);
        }
        drop(section);
        !noted
    }

    /// Takes the end when it is there.
    pub fn collect(&self) {
        while self.phase.load(Acquire) != DONE {
            thread::yield_now();
        }
        // SAFETY: except for the flaw, the step that has ended the operation comes before this.
        assert_eq!(self.result.with(|result| unsafe { *result }), 1);
    }
}

#[test]
fn a_claim_outside_a_section_is_found() {
    finds("claim outside a section", TORN, two_steps::<Twin<CLAIMS_OUTSIDE>>);
}
