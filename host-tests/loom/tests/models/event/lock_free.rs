//! A copy of the lock-free protocol, without a waiter that is handed out, and its flaws.

use std::task::Waker;

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU16, AtomicU32, Ordering::*},
};

use super::{TWICE, signal_and_poll, signal_and_swap, two_signals_of_one_registration};
use crate::run::{ASLEEP, TORN, finds};

/// A signaller counts the registration as ended before it has called the waker.
const COUNTS_EARLY: u8 = 10;
/// The waiter does not check for readers before it writes the waker.
const OVERWRITES: u8 = 11;
/// The registration is not published to the signaller.
const RELAXED: u8 = 12;
/// A signal does not order the accesses before it.
const UNORDERED: u8 = 13;
/// The waiter takes a registration back that a signaller has taken since it looked.
const LOOKS_FIRST: u8 = 14;
/// A signaller wakes if the registration was there when it looked.
const TAKES_NOTHING: u8 = 16;
/// The end of a call of the waker does not order it before what follows.
const RELAXED_END: u8 = 15;

pub struct Twin<const FLAW: u8> {
    waker: UnsafeCell<Option<Waker>>,
    state: AtomicU32,
    ended: AtomicU16,
    registered: AtomicU16,
}

// SAFETY: the models show that it is `Sync`, except for its flaw.
unsafe impl<const FLAW: u8> Sync for Twin<FLAW> {}

const HEARD: u32 = 1;
const ARMED: u32 = 1 << 1;

impl<const FLAW: u8> Twin<FLAW> {
    pub fn new() -> Self {
        Self {
            waker: UnsafeCell::new(None),
            state: AtomicU32::new(0),
            ended: AtomicU16::new(0),
            registered: AtomicU16::new(0),
        }
    }

    pub fn signal(&self) {
        let order = if FLAW == UNORDERED { Acquire } else { AcqRel };
        let found = (FLAW == TAKES_NOTHING).then(|| self.state.load(Relaxed));
        let before = self.state.swap(0, order);
        if found.unwrap_or(before) & ARMED == 0 {
            return;
        }
        if FLAW == COUNTS_EARLY {
            self.ended.fetch_add(1, Release);
        }
        self.waker.with(|waker| {
            // SAFETY: except for the flaw, the waiter does not write while there is a reader.
            if let Some(waker) = unsafe { &*waker } {
                waker.wake_by_ref();
            }
        });
        if FLAW != COUNTS_EARLY {
            self.ended.fetch_add(1, if FLAW == RELAXED_END { Relaxed } else { Release });
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
        let order = if FLAW == RELAXED { Relaxed } else { AcqRel };
        if self.state.fetch_or(ARMED, order) & ARMED == 0 {
            self.count(1);
        }
        true
    }

    fn replace(&self, waker: Waker) -> bool {
        if self.state.load(Relaxed) & ARMED != 0
            && (self.state.fetch_and(!ARMED, AcqRel) & ARMED != 0 || FLAW == LOOKS_FIRST)
        {
            self.count(u16::MAX);
        }
        if FLAW != OVERWRITES && self.ended.load(Acquire) != self.registered.load(Relaxed) {
            return false;
        }
        let evicted = self.waker.with_mut(|kept| {
            // SAFETY: except for the flaw, there is no signaller that reads.
            unsafe { (*kept).replace(waker) }
        });
        drop(evicted);
        true
    }

    fn count(&self, one: u16) {
        self.registered.store(self.registered.load(Relaxed).wrapping_add(one), Relaxed);
    }
}

#[test]
fn a_registration_and_a_signal_that_do_not_order_are_found() {
    finds("relaxed registration", TORN, signal_and_poll::<Twin<RELAXED>>);
    finds("unordered signal", &[ASLEEP], signal_and_poll::<Twin<UNORDERED>>);
}

#[test]
fn a_registration_that_two_take_is_found() {
    let model = two_signals_of_one_registration::<Twin<TAKES_NOTHING>>;
    finds("signaller that looks, then takes", &[TWICE], model);
}

#[test]
fn a_waker_that_is_replaced_while_it_is_called_is_found() {
    finds("end that is counted before the call", TORN, signal_and_swap::<Twin<COUNTS_EARLY>>);
    finds("end that does not order the call", TORN, signal_and_swap::<Twin<RELAXED_END>>);
    finds("registration taken back twice", TORN, signal_and_swap::<Twin<LOOKS_FIRST>>);
    finds("waiter that overwrites", TORN, signal_and_swap::<Twin<OVERWRITES>>);
}
