//! `Event`: a signal from another core against everything that the waiter does.

use std::{
    mem::ManuallyDrop,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Poll, Wake, Waker},
};

use loom::{
    cell::UnsafeCell,
    sync::{Condvar, Mutex},
    thread,
};
use wouldblock::{
    attempt::{self, Attempt},
    block::Idle,
    event::{Event, Waiter},
};

use crate::run::{ASLEEP, Flag, Parker, block_on, explores, finds, leak, poll};

/// What a model runs over: the library's event, or a twin.
trait Subject: Send + Sync + 'static {
    type Waiter: Send;
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

// A copy of the protocol of the file that the library is compiled with.
#[cfg_attr(wouldblock_sections, path = "event/sections.rs")]
#[cfg_attr(not(wouldblock_sections), path = "event/lock_free.rs")]
mod twin;
use twin::Twin;

/// The protocol is right.
const SOUND: u8 = 0;
/// Tries, registers, and does not try again.
const CHECKS_FIRST: u8 = 1;
/// A waiter that blocks marks the news as taken after the try, and not before it.
const HEARS_LATE: u8 = 2;
/// A waiter that blocks does not register its waker.
const UNREGISTERED: u8 = 3;

impl<const FLAW: u8> Subject for Twin<FLAW> {
    type Waiter = ();

    fn waiter(&'static self) {}

    fn new() -> Self {
        Self::new()
    }

    fn signal(&self) {
        self.signal();
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
            let registers = idle.waker().filter(|_| FLAW != UNREGISTERED);
            if registers.is_none_or(|waker| self.register(waker)) {
                idle.idle(|| self.has_news());
            }
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
    explores("signal and drop", Some(3), 100, || {
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

/// What hands out one waiter: the library's event, or a twin.
trait Hands: Send + Sync + 'static {
    fn new() -> Self;
    /// Uses the waiter and gives it back, unless it is handed out.
    fn use_waiter(&'static self, by: impl FnOnce());
    /// Whether the waiter is handed out.
    fn is_taken(&'static self) -> bool;
}

impl Hands for Event {
    fn new() -> Self {
        Self::new()
    }

    fn use_waiter(&'static self, by: impl FnOnce()) {
        if let Some(waiter) = self.waiter() {
            by();
            drop(waiter);
        }
    }

    fn is_taken(&'static self) -> bool {
        self.waiter().is_none()
    }
}

/// Two cores that want the waiter. It is there again after both.
fn two_takers<H: Hands>() {
    let (hands, used) = (leak(H::new()), leak(UnsafeCell::new(0)));
    // loom reports two writes that overlap or are not ordered.
    let one_use = || hands.use_waiter(|| used.with_mut(|_| ()));
    let other = thread::spawn(one_use);
    one_use();
    other.join().unwrap();
    assert!(!hands.is_taken(), "{GONE}");
}

const GONE: &str = "the waiter is gone";

#[test]
fn two_that_want_the_waiter_never_both_have_it() {
    explores("two waiters", None, 5, two_takers::<Event>);
}

/// Two signals of one registration, from two cores.
fn two_signals_of_one_registration<S: Subject>() {
    let (subject, wakes) = (leak(S::new()), Arc::<Counts>::default());
    let waker = Waker::from(wakes.clone());
    assert!(subject.poll(&mut subject.waiter(), &Flag::new(), &waker).is_pending());
    let other = thread::spawn(|| subject.signal());
    subject.signal();
    other.join().unwrap();
    assert_eq!(wakes.0.load(SeqCst), 1, "{TWICE}");
}

const TWICE: &str = "not one wake";

/// A waker that counts its wakes, in an atomic of std, which loom does not see.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn one_registration_is_one_wake() {
    explores("one registration", None, 4, two_signals_of_one_registration::<Event>);
    explores("one registration, twin", None, 4, two_signals_of_one_registration::<Twin<SOUND>>);
}

/// A waker that polls, as an executor does that runs the task inside the wake: with this waker, then
/// with another one. In between it signals, so that one call of it is inside another.
struct Polls<S: Subject> {
    subject: &'static S,
    /// Taken by the first wake. (Not a lock of loom's: nothing waits for it.)
    waiter: std::sync::Mutex<Option<S::Waiter>>,
    other: Arc<Counts>,
}

impl<S: Subject> Wake for Polls<S> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waiter = self.waiter.lock().unwrap().take();
        if let Some(mut waiter) = waiter {
            let mut poll = |waker: Waker| {
                assert!(self.subject.poll(&mut waiter, &Flag::new(), &waker).is_pending());
            };
            poll(Waker::from(self.clone()));
            self.subject.signal();
            poll(Waker::from(self.other.clone()));
        }
    }
}

/// The waker that is being called is not replaced; the other one is woken, so that the task polls
/// again.
fn wake_that_polls<S: Subject>() {
    let (subject, other) = (leak(S::new()), Arc::<Counts>::default());
    let waiter = std::sync::Mutex::new(None);
    let polls = Arc::new(Polls { subject, waiter, other: other.clone() });
    let mut waiter = subject.waiter();
    assert!(subject.poll(&mut waiter, &Flag::new(), &Waker::from(polls.clone())).is_pending());
    *polls.waiter.lock().unwrap() = Some(waiter);
    let handler = thread::spawn(|| subject.signal());
    subject.signal();
    handler.join().unwrap();
    assert_eq!(other.0.load(SeqCst), 1);
}

#[test]
fn a_waker_that_polls_is_not_replaced_while_it_is_called() {
    explores("wake that polls", Some(3), 5, wake_that_polls::<Event>);
    explores("wake that polls, twin", Some(3), 5, wake_that_polls::<Twin<SOUND>>);
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

/// The same after a signal that the waiter has not heard yet.
fn sleeps_after_news<S: Subject>() {
    let (subject, flag, cpu) = (leak(S::new()), Flag::new(), Cpu::new());
    let device = flag.clone();
    subject.signal();
    let handler = thread::spawn(move || {
        cpu.interrupted(|| {
            device.set();
            subject.signal();
        });
    });
    subject.block(&mut subject.waiter(), flag, Asks(cpu));
    handler.join().unwrap();
}

#[test]
fn news_that_are_taken_hide_no_later_ones() {
    explores("block asleep after news", None, 100, sleeps_after_news::<Event>);
    explores("block asleep after news, twin", None, 75, sleeps_after_news::<Twin<SOUND>>);
}

/// An idler that only a waker ends, as that of a thread.
struct Parks {
    parker: Arc<Parker>,
    waker: Waker,
}

impl Idle for Parks {
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !news() {
            self.parker.park();
        }
    }

    fn waker(&self) -> Option<&Waker> {
        Some(&self.waker)
    }
}

fn parks<S: Subject>() {
    let (subject, flag, parker) = (leak(S::new()), Flag::new(), Parker::new());
    let device = flag.clone();
    let handler = thread::spawn(move || {
        device.set();
        subject.signal();
    });
    let waker = Waker::from(parker.clone());
    subject.block(&mut subject.waiter(), flag, Parks { parker, waker });
    handler.join().unwrap();
}

#[test]
fn a_parked_sleeper_hears_or_is_woken() {
    explores("block parked", None, 400, parks::<Event>);
    explores("block parked, twin", None, 400, parks::<Twin<SOUND>>);
    finds("parks unregistered", &[ASLEEP], parks::<Twin<UNREGISTERED>>);
}
