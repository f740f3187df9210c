//! `sync::Mutex`: there is one holder at a time, a holder sees what the holder before it wrote, and
//! a locker hears when the mutex is freed.
//!
//! The models do not show that a mutex that two threads compete for becomes free again. In loom, a
//! plain store and a failing read-modify-write of another thread that both follow the same write
//! can be ordered in either way. So a try that fails may come after the holder's release, and leave
//! the mutex held for ever. In C++11's order it cannot: a read-modify-write comes directly after
//! the write that it has read. `host-tests` shows that lockers that compete get the mutex.

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering::*},
    thread,
};
use wouldblock::{
    attempt,
    event::Event,
    nb,
    sync::{Mutex, MutexGuard},
};

use crate::run::{ASLEEP, TORN, Yields, block_on, explores, finds, leak};

/// What a model runs over: the library's mutex, or a twin.
trait Subject: Send + Sync + 'static {
    type Guard;
    fn new() -> Self;
    /// Tries once.
    fn try_lock(&'static self) -> nb::Result<Self::Guard, ()>;
    /// Locks as the only locker. Suspends while the mutex is held.
    fn lock(&'static self) -> Self::Guard;
    /// Adds 1 and frees the mutex. Returns the sum.
    fn add(guard: Self::Guard) -> u32;
}

impl<const W: usize> Subject for Mutex<u32, W> {
    type Guard = MutexGuard<'static, u32, W>;

    fn new() -> Self {
        Self::new(0)
    }

    fn try_lock(&'static self) -> nb::Result<Self::Guard, ()> {
        self.try_lock().map_err(|_| nb::Error::WouldBlock)
    }

    fn lock(&'static self) -> Self::Guard {
        block_on(self.locker().unwrap().lock()).unwrap()
    }

    fn add(mut guard: Self::Guard) -> u32 {
        *guard += 1;
        *guard
    }
}

const SOUND: u8 = 0;
/// Checks and takes in two accesses.
const TWO_STEPS: u8 = 1;
/// Frees without publishing.
const RELAXED: u8 = 2;
/// Signals before it frees.
const SIGNALS_FIRST: u8 = 3;
/// Frees without a signal.
const SILENT: u8 = 4;

/// A copy of the protocol, over the library's event.
struct Twin<const FLAW: u8> {
    locked: AtomicU32,
    freed: Event,
    value: UnsafeCell<u32>,
}

// SAFETY: the models show that it is `Sync`, except for its flaw.
unsafe impl<const FLAW: u8> Sync for Twin<FLAW> {}

struct Guard<const FLAW: u8>(&'static Twin<FLAW>);

impl<const FLAW: u8> Drop for Guard<FLAW> {
    fn drop(&mut self) {
        if FLAW == SIGNALS_FIRST {
            self.0.freed.signal();
        }
        self.0.locked.store(0, if FLAW == RELAXED { Relaxed } else { Release });
        if FLAW != SIGNALS_FIRST && FLAW != SILENT {
            self.0.freed.signal();
        }
    }
}

impl<const FLAW: u8> Subject for Twin<FLAW> {
    type Guard = Guard<FLAW>;

    fn new() -> Self {
        let (locked, value) = (AtomicU32::new(0), UnsafeCell::new(0));
        Self { locked, freed: Event::new(), value }
    }

    fn try_lock(&'static self) -> nb::Result<Self::Guard, ()> {
        if FLAW == TWO_STEPS {
            if self.locked.load(Acquire) != 0 {
                return Err(nb::Error::WouldBlock);
            }
            self.locked.store(1, Relaxed);
        } else if self.locked.load(Relaxed) != 0 || self.locked.swap(1, Acquire) != 0 {
            return Err(nb::Error::WouldBlock);
        }
        Ok(Guard(self))
    }

    fn lock(&'static self) -> Self::Guard {
        let mut waiter = self.freed.waiter().unwrap();
        block_on(waiter.operation(attempt::from_fn(|| self.try_lock()))).unwrap()
    }

    fn add(guard: Self::Guard) -> u32 {
        guard.0.value.with_mut(|value| {
            // SAFETY: except for the flaw, there is one holder.
            let value = unsafe { &mut *value };
            *value += 1;
            *value
        })
    }
}

/// Three threads try to add 1, one of them twice. The sums of those that held the mutex must be 1,
/// 2, 3 and so on, each once.
fn tries<S: Subject>() {
    let subject = leak(S::new());
    let try_add = || subject.try_lock().ok().map(S::add);
    let others = [(); 2].map(|()| thread::spawn(try_add));
    let mut sums = vec![try_add(), try_add()];
    sums.extend(others.map(|other| other.join().unwrap()));
    let mut sums: Vec<u32> = sums.into_iter().flatten().collect();
    sums.sort_unstable();
    let held = u32::try_from(sums.len()).unwrap();
    assert!(held > 0 && sums.iter().copied().eq(1..=held), "{sums:?}");
}

#[test]
fn one_holder_at_a_time_and_it_sees_what_the_last_one_wrote() {
    explores("mutex", Some(3), 500, tries::<Mutex<u32>>);
    explores("mutex, twin", Some(2), 500, tries::<Twin<SOUND>>);
    let in_two_steps = [TORN, &["assertion"]].concat();
    finds("lock in two steps", &in_two_steps, tries::<Twin<TWO_STEPS>>);
    finds("relaxed unlock", TORN, tries::<Twin<RELAXED>>);
}

/// A guard is dropped, against a locker that awaits the mutex.
fn unlock_and_await<S: Subject>() {
    let subject = leak(S::new());
    let Ok(guard) = subject.try_lock() else { unreachable!("no other thread runs yet") };
    let locker = thread::spawn(|| S::add(subject.lock()));
    assert_eq!(S::add(guard), 1);
    assert_eq!(locker.join().unwrap(), 2);
}

#[test]
fn a_locker_hears_of_the_end_of_a_hold() {
    explores("unlock and await", None, 100, unlock_and_await::<Mutex<u32, 1>>);
    explores("unlock and await, twin", None, 100, unlock_and_await::<Twin<SOUND>>);
    finds("signal before unlock", &[ASLEEP], unlock_and_await::<Twin<SIGNALS_FIRST>>);
    finds("silent unlock", &[ASLEEP], unlock_and_await::<Twin<SILENT>>);
    finds("relaxed unlock, awaited", TORN, unlock_and_await::<Twin<RELAXED>>);
    explores("unlock and block", None, 20, || {
        let mutex = leak(Mutex::<u32, 1>::new(0));
        let guard = mutex.try_lock().unwrap();
        let locker = thread::spawn(|| *mutex.locker().unwrap().lock().block(Yields).unwrap() += 1);
        drop(guard);
        locker.join().unwrap();
        assert_eq!(*mutex.try_lock().unwrap(), 1);
    });
}
