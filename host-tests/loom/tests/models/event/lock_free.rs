//! A copy of the lock-free protocol, without a waiter that is handed out, and its flaws.

use std::task::Waker;

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering::*},
};

use super::{signal_and_poll, signal_and_swap};
use crate::run::{ASLEEP, TORN, finds};

/// A signaller does not count itself as a reader of the waker.
const UNCOUNTED: u8 = 10;
/// The waiter does not check for readers before it writes the waker.
const OVERWRITES: u8 = 11;
/// The registration is not published to the signaller.
const RELAXED: u8 = 12;
/// A signal does not order the accesses before it.
const UNORDERED: u8 = 13;
/// A signaller checks whether there is a waker before it counts itself as a reader.
const LOOKS_FIRST: u8 = 14;

pub struct Twin<const FLAW: u8> {
    state: AtomicU32,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the models show that it is `Sync`, except for its flaw.
unsafe impl<const FLAW: u8> Sync for Twin<FLAW> {}

const WRITING: u32 = 1;
const HEARD: u32 = 1 << 2;
const ARMED: u32 = 1 << 3;
const READER: u32 = 1 << 4;
const READERS: u32 = !(READER - 1);

impl<const FLAW: u8> Twin<FLAW> {
    pub fn new() -> Self {
        Self { state: AtomicU32::new(0), waker: UnsafeCell::new(None) }
    }

    pub fn signal(&self) {
        let order = if FLAW == UNORDERED { Relaxed } else { AcqRel };
        let before = self.state.fetch_and(!HEARD, order);
        if before & !HEARD != 0 {
            self.wake(before);
        }
    }

    /// `before` is the state that the signal has found.
    fn wake(&self, before: u32) {
        if FLAW != UNCOUNTED {
            self.state.fetch_add(READER, Relaxed);
        }
        let state = self.state.fetch_and(!ARMED, AcqRel);
        if (if FLAW == LOOKS_FIRST { before } else { state }) & ARMED != 0 {
            self.waker.with(|waker| {
                // SAFETY: except for the flaw, the waiter does not write while there is a reader.
                if let Some(waker) = unsafe { &*waker } {
                    waker.wake_by_ref();
                }
            });
        }
        if FLAW != UNCOUNTED {
            self.state.fetch_sub(READER, Release);
        }
    }

    pub fn has_news(&self) -> bool {
        self.state.load(Acquire) & HEARD == 0
    }

    pub fn take_news(&self) {
        if self.has_news() {
            self.state.fetch_or(HEARD, AcqRel);
        }
    }

    pub fn register(&self, waker: &Waker) -> bool {
        let kept = self.waker.with(|kept| {
            // SAFETY: the caller is the waiter, and only the waiter writes.
            unsafe { &*kept }.as_ref().is_some_and(|kept| kept.will_wake(waker))
        });
        if !kept && !self.replace(waker.clone()) {
            return false;
        }
        self.state.fetch_or(ARMED, if FLAW == RELAXED { Relaxed } else { AcqRel });
        true
    }

    fn replace(&self, waker: Waker) -> bool {
        let mut state = self.state.load(Relaxed);
        loop {
            if FLAW != OVERWRITES && state & READERS != 0 {
                return false;
            }
            let writing = (state | WRITING) & !ARMED;
            match self.state.compare_exchange(state, writing, Acquire, Relaxed) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        let evicted = self.waker.with_mut(|kept| {
            // SAFETY: except for the flaw, no signaller reads while `WRITING` is set.
            unsafe { (*kept).replace(waker) }
        });
        self.state.fetch_and(!WRITING, if FLAW == RELAXED { Relaxed } else { Release });
        drop(evicted);
        true
    }
}

#[test]
fn a_registration_and_a_signal_that_do_not_order_are_found() {
    finds("relaxed registration", TORN, signal_and_poll::<Twin<RELAXED>>);
    finds("unordered signal", &[ASLEEP], signal_and_poll::<Twin<UNORDERED>>);
}

#[test]
fn a_reader_that_does_not_count_is_found() {
    finds("signaller that is not counted", TORN, signal_and_swap::<Twin<UNCOUNTED>>);
    finds("signaller that looks, then counts", TORN, signal_and_swap::<Twin<LOOKS_FIRST>>);
    finds("waiter that overwrites", TORN, signal_and_swap::<Twin<OVERWRITES>>);
}
