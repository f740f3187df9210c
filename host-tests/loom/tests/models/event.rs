//! `Event`: a signal from another core against everything that the waiter does.

use std::{
    mem::ManuallyDrop,
    sync::Arc,
    task::{Poll, Waker},
};

use loom::{
    cell::UnsafeCell,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicU32, Ordering::*},
    },
    thread,
};
use wouldblock::{
    attempt::{self, Attempt},
    block::Idle,
    event::{Event, Waiter},
};

use crate::run::{ASLEEP, Flag, Parker, TORN, block_on, explores, finds, leak, poll};

/// What a model runs over: the library's event, or a twin.
trait Subject: Send + Sync + 'static {
    type Waiter;
    fn new() -> Self;
    fn waiter(&'static self) -> Self::Waiter;
    fn signal(&self);
    /// Polls an operation that waits for `flag` once. The operation stays registered.
    fn poll(&self, waiter: &mut Self::Waiter, flag: &Flag, waker: &Waker) -> Poll<Result<(), ()>>;
    /// Waits for `flag` in the foreground.
    fn block(&self, waiter: &mut Self::Waiter, flag: Flag, idle: impl Idle);
}

impl Subject for Event {
    type Waiter = ManuallyDrop<Waiter<'static>>;

    fn new() -> Self {
        Self::new()
    }

    fn waiter(&'static self) -> Self::Waiter {
        ManuallyDrop::new(self.waiter().unwrap())
    }

    fn signal(&self) {
        self.signal();
    }

    fn poll(&self, waiter: &mut Self::Waiter, flag: &Flag, waker: &Waker) -> Poll<Result<(), ()>> {
        poll(&mut *ManuallyDrop::new(waiter.operation(flag.clone())), waker)
    }

    fn block(&self, waiter: &mut Self::Waiter, flag: Flag, idle: impl Idle) {
        waiter.operation(flag).block(idle).unwrap();
    }
}

/// The protocol is right.
const SOUND: u8 = 0;
/// Tries, registers, and does not try again.
const CHECKS_FIRST: u8 = 1;
/// A signaller does not count itself as a reader of the waker.
const UNCOUNTED: u8 = 2;
/// The waiter does not check for readers before it writes the waker.
const OVERWRITES: u8 = 3;
/// The registration is not published to the signaller.
const RELAXED: u8 = 4;
/// A signal does not order the accesses before it.
const UNORDERED: u8 = 5;
/// A signaller checks whether there is a waker before it counts itself as a reader.
const LOOKS_FIRST: u8 = 6;
/// A waiter that blocks marks the news as taken after the try, and not before it.
const HEARS_LATE: u8 = 7;

/// A copy of the protocol, without `Flags` and without a waiter that is handed out.
struct Twin<const FLAW: u8> {
    state: AtomicU32,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the models show that it is `Sync`, except for its flaw.
unsafe impl<const FLAW: u8> Sync for Twin<FLAW> {}

const WRITING: u32 = 1;
const HEARD: u32 = 1 << 2;
const READER: u32 = 1 << 3;
const READERS: u32 = ARMED - READER;
const ARMED: u32 = 1 << 31;

impl<const FLAW: u8> Twin<FLAW> {
    fn register(&self, waker: &Waker) -> bool {
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

    /// `before` is the state that the signal has found.
    fn wake(&self, before: u32) {
        let state = match FLAW {
            UNCOUNTED => self.state.load(Acquire),
            _ => self.state.fetch_add(READER, Acquire),
        };
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

    fn has_news(&self) -> bool {
        self.state.load(Acquire) & HEARD == 0
    }

    fn take_news(&self) {
        if self.has_news() {
            self.state.fetch_or(HEARD, AcqRel);
        }
    }
}

impl<const FLAW: u8> Subject for Twin<FLAW> {
    type Waiter = ();

    fn waiter(&'static self) {}

    fn new() -> Self {
        Self { state: AtomicU32::new(0), waker: UnsafeCell::new(None) }
    }

    fn signal(&self) {
        let order = if FLAW == UNORDERED { Relaxed } else { AcqRel };
        let before = self.state.fetch_and(!HEARD, order);
        if before & !HEARD != 0 {
            self.wake(before);
        }
    }

    fn poll(&self, (): &mut (), flag: &Flag, waker: &Waker) -> Poll<Result<(), ()>> {
        let mut flag = flag.clone();
        let mut end = flag.attempt();
        if end.is_err() {
            if !self.register(waker) {
                waker.wake_by_ref();
            } else if FLAW != CHECKS_FIRST {
                end = flag.attempt();
            }
        }
        attempt::into_poll(end)
    }

    fn block(&self, (): &mut (), mut flag: Flag, mut idle: impl Idle) {
        loop {
            if FLAW != HEARS_LATE {
                self.take_news();
            }
            if flag.attempt().is_ok() {
                return;
            }
            if FLAW == HEARS_LATE {
                self.take_news();
            }
            idle.idle(|| self.has_news());
        }
    }
}

/// Polls until the flag is set, and sleeps between polls. The first `stale` polls use other wakers.
fn wait<S: Subject>(subject: &S, waiter: &mut S::Waiter, flag: &Flag, stale: usize) {
    for _ in 0..stale {
        if subject.poll(waiter, flag, &Waker::from(Parker::new())).is_ready() {
            return;
        }
    }
    let parker = Parker::new();
    let waker = Waker::from(parker.clone());
    while subject.poll(waiter, flag, &waker).is_pending() {
        thread::yield_now(); // Lets another thread run, in case the task has woken itself.
        parker.park();
    }
}

/// A signal against the first poll.
fn signal_and_poll<S: Subject>() {
    let (subject, flag) = (leak(S::new()), Flag::new());
    let device = flag.clone();
    let handler = thread::spawn(move || {
        device.set();
        subject.signal();
    });
    wait(subject, &mut subject.waiter(), &flag, 0);
    handler.join().unwrap();
}

/// A signal against a task that is polled with another waker.
fn signal_and_swap<S: Subject>() {
    let (subject, flag) = (leak(S::new()), Flag::new());
    let device = flag.clone();
    let handler = thread::spawn(move || {
        device.set();
        subject.signal();
    });
    wait(subject, &mut subject.waiter(), &flag, 1);
    handler.join().unwrap();
}

/// Two handlers on two cores, either of which may be the last.
fn two_signals<S: Subject>() {
    let subject = leak(S::new());
    let flags = [Flag::new(), Flag::new()];
    let handlers = flags.clone().map(|flag| {
        thread::spawn(move || {
            flag.set();
            subject.signal();
        })
    });
    let mut waiter = subject.waiter();
    for flag in &flags {
        wait(subject, &mut waiter, flag, 0);
    }
    handlers.into_iter().for_each(|handler| handler.join().unwrap());
}

#[test]
fn a_signal_against_a_poll_is_not_lost() {
    explores("signal and poll", None, 30, signal_and_poll::<Event>);
    explores("signal and poll, twin", None, 30, signal_and_poll::<Twin<SOUND>>);
    finds("check before register", &[ASLEEP], signal_and_poll::<Twin<CHECKS_FIRST>>);
    finds("relaxed registration", TORN, signal_and_poll::<Twin<RELAXED>>);
    finds("unordered signal", &[ASLEEP], signal_and_poll::<Twin<UNORDERED>>);
}

#[test]
fn a_wake_before_the_news_is_found() {
    // This is a mistake of the handler, not of the library: it signals before it sets the flag.
    finds("wake before publish", &[ASLEEP], || {
        let (event, flag) = (leak(Event::new()), Flag::new());
        let device = flag.clone();
        let handler = thread::spawn(move || {
            event.signal();
            device.set();
        });
        wait(event, &mut Subject::waiter(event), &flag, 0);
        handler.join().unwrap();
    });
}

#[test]
fn a_signal_against_a_swap_of_wakers_tears_nothing_and_is_not_lost() {
    explores("signal and waker swap", None, 200, signal_and_swap::<Event>);
    explores("signal and waker swap, twin", None, 200, signal_and_swap::<Twin<SOUND>>);
    finds("signaller that is not counted", TORN, signal_and_swap::<Twin<UNCOUNTED>>);
    finds("signaller that looks, then counts", TORN, signal_and_swap::<Twin<LOOKS_FIRST>>);
    finds("waiter that overwrites", TORN, signal_and_swap::<Twin<OVERWRITES>>);
    finds("check before register, swap", &[ASLEEP], signal_and_swap::<Twin<CHECKS_FIRST>>);
}

#[test]
fn two_signals_at_once_are_both_heard() {
    explores("two signals", Some(2), 500, two_signals::<Event>);
    explores("two signals, twin", Some(2), 500, two_signals::<Twin<SOUND>>);
    finds("check before register, two", &[ASLEEP], two_signals::<Twin<CHECKS_FIRST>>);
}

#[test]
fn a_signal_against_the_drop_of_the_waiter_touches_no_waker_that_is_gone() {
    explores("signal and drop", Some(3), 200, || {
        let event = leak(Event::new());
        let handler = thread::spawn(|| event.signal());
        let first = Parker::new();
        {
            let mut waiter = event.waiter().unwrap();
            let mut operation = waiter.operation(Flag::new());
            assert!(poll(&mut operation, &Waker::from(first.clone())).is_pending());
        }
        // The next waiter, with its own waker, hears the signals that follow.
        let mut waiter = event.waiter().unwrap();
        let flag = Flag::new();
        let mut operation = waiter.operation(flag.clone());
        assert!(poll(&mut operation, &Waker::from(Parker::new())).is_pending());
        flag.set();
        event.signal();
        handler.join().unwrap();
        assert!(block_on(&mut operation).is_ok());
        drop(operation);
        drop(waiter);
        assert_eq!(Arc::strong_count(&first), 1, "a waker outlives its waiter");
    });
}

#[test]
fn two_that_want_the_waiter_never_both_have_it() {
    explores("two waiters", None, 5, || {
        let event = leak(Event::new());
        let used = leak(UnsafeCell::new(0));
        let other = thread::spawn(|| one_use(event, used));
        one_use(event, used);
        other.join().unwrap();
        assert!(event.waiter().is_some());
    });

    fn one_use(event: &'static Event, used: &'static UnsafeCell<u32>) {
        if let Some(waiter) = event.waiter() {
            // loom reports two writes that overlap or are not ordered.
            used.with_mut(|_| ());
            drop(waiter);
        }
    }
}

/// A CPU whose interrupts are masked while the lock is held. To wait on the condition variable is
/// `sti; hlt`: it unmasks and sleeps in one step.
struct Cpu {
    masked: Mutex<()>,
    interrupt: Condvar,
}

impl Cpu {
    fn new() -> &'static Self {
        leak(Self { masked: Mutex::new(()), interrupt: Condvar::new() })
    }

    fn interrupted(&self, handler: impl FnOnce()) {
        let masked = self.masked.lock().unwrap();
        handler();
        drop(masked);
        self.interrupt.notify_one();
    }
}

/// Checks for news while interrupts are masked.
struct Asks(&'static Cpu);

impl Idle for Asks {
    fn idle(&mut self, news: impl Fn() -> bool) {
        let masked = self.0.masked.lock().unwrap();
        if !news() {
            drop(self.0.interrupt.wait(masked).unwrap());
        }
    }
}

/// The twin checks for news before it masks interrupts, as `sti; nop; hlt` does.
struct AsksTooEarly(&'static Cpu);

impl Idle for AsksTooEarly {
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !news() {
            let masked = self.0.masked.lock().unwrap();
            drop(self.0.interrupt.wait(masked).unwrap());
        }
    }
}

/// The twin does not check for news.
struct NeverAsks(&'static Cpu);

impl Idle for NeverAsks {
    fn idle(&mut self, _: impl Fn() -> bool) {
        let masked = self.0.masked.lock().unwrap();
        drop(self.0.interrupt.wait(masked).unwrap());
    }
}

fn sleeps<S: Subject, I: Idle>(idle: fn(&'static Cpu) -> I) {
    let (subject, flag, cpu) = (leak(S::new()), Flag::new(), Cpu::new());
    let device = flag.clone();
    let handler = thread::spawn(move || {
        cpu.interrupted(|| {
            device.set();
            subject.signal();
        });
    });
    subject.block(&mut subject.waiter(), flag, idle(cpu));
    handler.join().unwrap();
}

#[test]
fn a_sleeper_looks_whether_it_has_heard_all_and_does_not_oversleep() {
    explores("block asleep", None, 20, || sleeps::<Event, _>(Asks));
    explores("block asleep, twin", None, 20, || sleeps::<Twin<SOUND>, _>(Asks));
    finds("asks before it masks", &[ASLEEP], || sleeps::<Event, _>(AsksTooEarly));
    finds("never asks", &[ASLEEP], || sleeps::<Event, _>(NeverAsks));
    finds("hears after it tried", &[ASLEEP], || sleeps::<Twin<HEARS_LATE>, _>(Asks));
}
