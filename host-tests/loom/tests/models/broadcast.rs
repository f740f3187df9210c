//! `Broadcast`: one signal against two waiters, each of which is a task on its own core.

use std::{
    mem::ManuallyDrop,
    sync::Arc,
    task::{Poll, Wake, Waker},
};

use loom::{
    sync::Mutex,
    thread::{self, JoinHandle, ThreadId},
};
use wouldblock::{
    attempt::{self, Attempt},
    event::{Broadcast, Event, Waiter},
};

use crate::run::{ASLEEP, Flag, Parker, explores, finds, leak, poll};

/// What a model runs over: the library's broadcast, or a twin.
trait Subject: Send + Sync + 'static {
    type Waiter: Send;
    fn new() -> Self;
    fn waiter(&'static self) -> Self::Waiter;
    fn signal(&self);
    /// Polls an operation that waits for `flag` once. The operation stays registered.
    fn poll(&self, waiter: &mut Self::Waiter, flag: &Flag, waker: &Waker) -> Poll<Result<(), ()>>;
}

impl Subject for Broadcast<2> {
    type Waiter = Waiter<'static>;

    fn new() -> Self {
        Self::new()
    }

    fn waiter(&'static self) -> Self::Waiter {
        self.waiter().unwrap()
    }

    fn signal(&self) {
        self.signal();
    }

    fn poll(&self, waiter: &mut Self::Waiter, flag: &Flag, waker: &Waker) -> Poll<Result<(), ()>> {
        poll(&mut *ManuallyDrop::new(waiter.operation(flag.clone())), waker)
    }
}

const SOUND: u8 = 0;
/// A signal reaches the first place only.
const FIRST_ONLY: u8 = 1;
/// A signal reaches the first waiter only.
const ONE_ONLY: u8 = 2;

/// An event for each waiter. `taken` has the places that are in use, for `ONE_ONLY`.
struct Twin<const FLAW: u8> {
    events: [Event; 2],
    taken: Mutex<[bool; 2]>,
}

/// A waiter, which frees its place when it is dropped.
struct Place<const FLAW: u8> {
    twin: &'static Twin<FLAW>,
    index: usize,
    waiter: Waiter<'static>,
}

impl<const FLAW: u8> Drop for Place<FLAW> {
    fn drop(&mut self) {
        self.twin.taken.lock().unwrap()[self.index] = false;
    }
}

impl<const FLAW: u8> Subject for Twin<FLAW> {
    type Waiter = Place<FLAW>;

    fn new() -> Self {
        Self { events: [Event::new(), Event::new()], taken: Mutex::new([false; 2]) }
    }

    fn waiter(&'static self) -> Self::Waiter {
        let mut taken = self.taken.lock().unwrap();
        let index = taken.iter().position(|taken| !taken).unwrap();
        taken[index] = true;
        Place { twin: self, index, waiter: self.events[index].waiter().unwrap() }
    }

    fn signal(&self) {
        let first = match FLAW {
            SOUND => return self.events.iter().for_each(|event| event.signal()),
            FIRST_ONLY => Some(0),
            _ => self.taken.lock().unwrap().iter().position(|taken| *taken),
        };
        if let Some(first) = first {
            self.events[first].signal();
        }
    }

    fn poll(&self, place: &mut Self::Waiter, flag: &Flag, waker: &Waker) -> Poll<Result<(), ()>> {
        poll(&mut *ManuallyDrop::new(place.waiter.operation(flag.clone())), waker)
    }
}

/// The twin that has one place for all wakers: a new waker evicts and wakes the one that was there.
struct OnePlace(Mutex<Option<Waker>>);

impl Subject for OnePlace {
    type Waiter = ();

    fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn waiter(&'static self) {}

    fn signal(&self) {
        if let Some(waker) = self.0.lock().unwrap().take() {
            waker.wake();
        }
    }

    fn poll(&self, (): &mut (), flag: &Flag, waker: &Waker) -> Poll<Result<(), ()>> {
        let mut place = self.0.lock().unwrap();
        if let Some(evicted) = place.replace(waker.clone())
            && !evicted.will_wake(waker)
        {
            evicted.wake();
        }
        drop(place);
        attempt::into_poll(flag.clone().attempt())
    }
}

/// A task that sleeps until it is woken. Only the signaller and the task itself may wake it.
struct Task {
    parker: Arc<Parker>,
    allowed: [ThreadId; 2],
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        assert!(self.allowed.contains(&thread::current().id()), "woken by another waiter");
        self.parker.wake_by_ref();
    }
}

/// Waits for `flag` in another thread, which `signaller` may wake.
fn wait<S: Subject>(subject: &'static S, flag: &Flag, signaller: ThreadId) -> JoinHandle<()> {
    let flag = flag.clone();
    let mut waiter = subject.waiter();
    thread::spawn(move || {
        let parker = Parker::new();
        let allowed = [thread::current().id(), signaller];
        let waker = Waker::from(Arc::new(Task { parker: parker.clone(), allowed }));
        while subject.poll(&mut waiter, &flag, &waker).is_pending() {
            thread::yield_now(); // Lets another thread run, in case the task has woken itself.
            parker.park();
        }
    })
}

/// A signal against two waiters that are polled at the same time.
fn signal_and_two_polls<S: Subject>() {
    let (subject, flag) = (leak(S::new()), Flag::new());
    let waiters = [(); 2].map(|()| wait(subject, &flag, thread::current().id()));
    flag.set();
    subject.signal();
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
}

/// A signal against a waiter that is registered and dropped, while another waiter waits.
fn signal_and_drop<S: Subject>() {
    let (subject, flag) = (leak(S::new()), Flag::new());
    let mut first = subject.waiter();
    let second = wait(subject, &flag, thread::current().id());
    let gone = thread::spawn(move || {
        let parker = Parker::new();
        let waker = Waker::from(parker.clone());
        assert!(subject.poll(&mut first, &Flag::new(), &waker).is_pending());
        parker
    });
    flag.set();
    subject.signal();
    let gone = gone.join().unwrap();
    second.join().unwrap();
    drop([subject.waiter(), subject.waiter()]); // Both waiters can be handed out again.
    assert_eq!(Arc::strong_count(&gone), 1, "a waker outlives its waiter");
}

#[test]
fn both_waiters_hear_a_signal_and_neither_wakes_the_other() {
    explores("broadcast", Some(2), 1000, signal_and_two_polls::<Broadcast<2>>);
    explores("broadcast, twin", Some(2), 1000, signal_and_two_polls::<Twin<SOUND>>);
    finds("signals the first place", &[ASLEEP], signal_and_two_polls::<Twin<FIRST_ONLY>>);
    finds("signals one waiter", &[ASLEEP], signal_and_two_polls::<Twin<ONE_ONLY>>);
    finds("one place for all wakers", &["woken by another"], signal_and_two_polls::<OnePlace>);
}

#[test]
fn a_waiter_that_is_dropped_does_not_take_the_signal_along() {
    explores("broadcast and drop", Some(3), 300, signal_and_drop::<Broadcast<2>>);
    explores("broadcast and drop, twin", Some(2), 300, signal_and_drop::<Twin<SOUND>>);
    finds("signal to a waiter that leaves", &[ASLEEP], signal_and_drop::<Twin<ONE_ONLY>>);
}
