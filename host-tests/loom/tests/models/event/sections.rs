//! A copy of the protocol of bytes, with critical sections around the waker, and its flaws.

use std::task::Waker;

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU8, Ordering::*},
};

use super::{
    GONE, Hands, SOUND, TWICE, signal_and_poll, signal_and_swap, sleeps_after_news,
    two_signals_of_one_registration, two_takers, wake_that_polls,
};
use crate::run::{ASLEEP, Section, TORN, explores, finds};

/// A signaller looks at the armed byte before the section.
const LOOKS_EARLY: u8 = 10;
/// The armed byte is stored outside the section.
const ARMS_OUTSIDE: u8 = 11;
/// The news are stored outside the section.
const NEWS_OUTSIDE: u8 = 12;
/// The news are taken outside the section.
const TAKES_OUTSIDE: u8 = 14;
/// The waker is called outside the section in which the registration was taken.
const OUTSIDE: u8 = 15;
/// A signaller does not use the registration up.
const WAKES_AGAIN: u8 = 16;
/// The waiter does not look whether the waker is being called.
const OVERWRITES: u8 = 17;
/// The call of a waker inside another call ends both.
const ENDS_BOTH: u8 = 18;

pub struct Twin<const FLAW: u8> {
    waker: UnsafeCell<Option<Waker>>,
    section: Section,
    news: AtomicU8,
    armed: AtomicU8,
    waking: AtomicU8,
}

// SAFETY: the models show that it is `Sync`, except for its flaw.
unsafe impl<const FLAW: u8> Sync for Twin<FLAW> {}

impl<const FLAW: u8> Twin<FLAW> {
    pub fn new() -> Self {
        Self {
            waker: UnsafeCell::new(None),
            section: Section::new(),
            news: AtomicU8::new(0),
            armed: AtomicU8::new(0),
            waking: AtomicU8::new(0),
        }
    }

    pub fn signal(&self) {
        if FLAW == NEWS_OUTSIDE {
            self.news.store(1, Release);
        }
        if FLAW == LOOKS_EARLY && self.armed.load(Acquire) == 0 {
            self.in_section(true, || self.news.store(1, Relaxed));
            return;
        }
        let mut section = Some(self.section.enter());
        if FLAW != NEWS_OUTSIDE {
            self.news.store(1, Relaxed);
        }
        if self.armed.load(Relaxed) == 0 {
            return;
        }
        if FLAW != WAKES_AGAIN {
            self.armed.store(0, Relaxed);
        }
        if FLAW == OUTSIDE {
            section = None;
        }
        let before = self.waking.load(Relaxed);
        self.waking.store(1, Relaxed);
        self.waker.with(|waker| {
            // SAFETY: except for the flaw, the waiter writes in a section, and not while `waking` is set.
            if let Some(waker) = unsafe { &*waker } {
                waker.wake_by_ref();
            }
        });
        self.waking.store(if FLAW == ENDS_BOTH { 0 } else { before }, Relaxed);
        drop(section);
    }

    /// Runs `f` in a section, unless the flaw is that it is not in one.
    fn in_section(&self, inside: bool, f: impl FnOnce()) {
        let section = inside.then(|| self.section.enter());
        f();
        drop(section);
    }

    pub fn has_news(&self) -> bool {
        self.news.load(Relaxed) != 0
    }

    pub fn take_news(&self) {
        if self.has_news() {
            self.in_section(FLAW != TAKES_OUTSIDE, || self.news.store(0, Relaxed));
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
        self.in_section(FLAW != ARMS_OUTSIDE, || self.armed.store(1, Release));
        true
    }

    fn replace(&self, waker: Waker) -> bool {
        if FLAW != OVERWRITES && self.waking.load(Relaxed) != 0 {
            return false;
        }
        let section = self.section.enter();
        let evicted = self.waker.with_mut(|kept| {
            // SAFETY: except for the flaw, signallers read in sections, or while `waking` is set.
            unsafe { (*kept).replace(waker) }
        });
        drop((section, evicted));
        true
    }
}

#[test]
fn a_step_outside_the_section_is_found() {
    finds("armed is read early", &[ASLEEP], signal_and_poll::<Twin<LOOKS_EARLY>>);
    finds("armed is stored outside", &[ASLEEP], signal_and_poll::<Twin<ARMS_OUTSIDE>>);
    finds("news are stored outside", &[ASLEEP], sleeps_after_news::<Twin<NEWS_OUTSIDE>>);
    finds("news are taken outside", &[ASLEEP], sleeps_after_news::<Twin<TAKES_OUTSIDE>>);
}

#[test]
fn a_waker_outside_its_section_is_found() {
    finds("waker outside the section", TORN, signal_and_swap::<Twin<OUTSIDE>>);
    finds(
        "registration not used up",
        &[TWICE],
        two_signals_of_one_registration::<Twin<WAKES_AGAIN>>,
    );
}

#[test]
fn a_waker_that_is_replaced_while_it_is_called_is_found() {
    const REPLACED: &[&str] = &["currently reading from cell"];
    finds("waking not looked at", REPLACED, wake_that_polls::<Twin<OVERWRITES>>);
    finds("waking ends with the inner call", REPLACED, wake_that_polls::<Twin<ENDS_BOTH>>);
}

/// The waiter is stored as taken also by those who do not get it.
const TAKES_ALWAYS: u8 = 19;

/// A copy of how the waiter is handed out.
struct TwinHands<const FLAW: u8> {
    section: Section,
    taken: AtomicU8,
}

impl<const FLAW: u8> TwinHands<FLAW> {
    fn take(&self) -> bool {
        let section = self.section.enter();
        let free = self.taken.load(Acquire) == 0;
        if free || FLAW == TAKES_ALWAYS {
            self.taken.store(1, Relaxed);
        }
        drop(section);
        free
    }
}

impl<const FLAW: u8> Hands for TwinHands<FLAW> {
    fn new() -> Self {
        Self { section: Section::new(), taken: AtomicU8::new(0) }
    }

    fn use_waiter(&'static self, by: impl FnOnce()) {
        if self.take() {
            by();
            self.taken.store(0, Release);
        }
    }

    fn is_taken(&'static self) -> bool {
        !self.take()
    }
}

#[test]
fn a_waiter_that_is_taken_for_nobody_is_found() {
    explores("two waiters, twin", None, 15, two_takers::<TwinHands<SOUND>>);
    finds("waiter taken for nobody", &[GONE], two_takers::<TwinHands<TAKES_ALWAYS>>);
}
