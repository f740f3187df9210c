//! Paths on which the foreground waits asleep.

use core::{cell::Cell, convert::Infallible, time::Duration};

use board::{counter::clock, idle::Park};
use wouldblock::{
    attempt::{self, Attempt},
    sync::{Locker, Mutex, MutexGuard},
    time::{self, Alarm, Clock},
};

use crate::{
    of_units,
    placement::{Path, events, hasten, waits, waits_ended},
    units::{self, LEFT, RIGHT},
};

pub const PATHS: &[Path] = &[
    of_units("park", park),
    of_units("deadline: the event comes", deadline),
    Path { name: "deadline: the alarm comes", source: || true, ..of_units("", deadline_passes) },
    Path { name: "race", source: units::put_either_for_one, ..of_units("", race) },
    Path::new("mutex: a handler unlocks", hold, unlock, lock),
    Path::new("mutex: a handler tries", zero, add, subtract),
];

fn park() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let Ok(()) = waiter.operation(attempt::from_fn(|| LEFT.take())).block(Park);
    });
}

/// An alarm that never comes: the events placed come long before it would.
pub struct Never;

impl<C: Clock> Alarm<C> for Never {
    fn set(&mut self, _: u64) {}
    fn clear(&mut self) {}
}

fn deadline() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let mut op = waiter.operation(attempt::from_fn(|| LEFT.take()));
        let end = op.block_for(Park::until(Never), clock(), Duration::from_secs(1));
        assert_eq!(end, Ok(()));
    });
}

/// A clock that ticks once, at the event of this wait: it reads 0 before the event and 1 after it.
pub struct Moment {
    pub wait: usize,
    pub begun: Cell<bool>,
}

impl Clock for Moment {
    fn now(&self) -> u64 {
        u64::from(self.begun.replace(true) && events() > self.wait)
    }

    fn frequency(&self) -> u64 {
        1
    }

    fn ticks(&self, _: Duration) -> u64 {
        1
    }
}

/// The alarm for a [`Moment`]: the timer that raises it has been running since before the wait.
/// Setting the alarm makes it come as soon as possible.
pub struct AtOnce;

impl Alarm<Moment> for AtOnce {
    fn set(&mut self, _: u64) {
        hasten();
    }
    fn clear(&mut self) {}
}

fn deadline_passes() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let clock = Moment { wait: waits_ended(), begun: Cell::new(false) };
        let never = attempt::from_fn(|| Err::<(), _>(nb::Error::<Infallible>::WouldBlock));
        let end = waiter.operation(never).block_for(Park::until(AtOnce), clock, Duration::ZERO);
        assert_eq!(end, Err(time::Error::TimedOut));
    });
}

/// Two sources of units, one waiter.
fn race() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let (left, right) = (attempt::from_fn(|| LEFT.take()), attempt::from_fn(|| RIGHT.take()));
        let end = waiter.operation(left.race(right)).block(Park);
        assert!(end.is_ok());
    });
}

/// Two mutexes, which the handler holds and unlocks one after the other.
static HELD: [Mutex<(), 1>; 2] = [const { Mutex::new(()) }; 2];
static GUARDS: Mutex<[Option<MutexGuard<'static, (), 1>>; 2]> = Mutex::new([None, None]);

pub fn hold() {
    let mut guards = GUARDS.try_lock().expect("free between two runs");
    for (guard, mutex) in guards.iter_mut().zip(&HELD) {
        drop(guard.take()); // Signals.
        *guard = mutex.try_lock().ok();
    }
}

pub fn unlock() -> bool {
    let mut guards = GUARDS.try_lock().expect("the handler's own");
    match guards.iter_mut().find_map(Option::take) {
        Some(guard) => drop(guard),
        // Signals again that it is free.
        None => HELD.iter().for_each(|mutex| drop(mutex.try_lock())),
    }
    true
}

/// The lockers of the first mutex and of the second.
pub fn lockers() -> impl Iterator<Item = Locker<'static, (), 1>> {
    HELD.iter().map(|mutex| mutex.locker().expect("one locker at a time"))
}

fn lock() {
    let mut lockers = lockers();
    waits(|| {
        let mut locker = lockers.next().expect("a mutex for each wait");
        let Ok(guard) = locker.lock().block(Park);
        drop(guard);
    });
}

/// Used by the handler and by the path; a handler that finds it locked is called again.
static TOTAL: Mutex<u32> = Mutex::new(0);

fn zero() {
    units::empty();
    *TOTAL.try_lock().expect("free between two runs") = 0;
}

fn add() -> bool {
    let Ok(mut total) = TOTAL.try_lock() else { return false };
    *total += 1;
    drop(total);
    LEFT.signal();
    true
}

fn subtract() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let one = attempt::from_fn(|| {
            let mut total = TOTAL.try_lock()?;
            *total = total.checked_sub(1).ok_or(nb::Error::WouldBlock)?;
            Ok::<_, nb::Error<Infallible>>(())
        });
        let Ok(()) = waiter.operation(one).block(Park);
    });
}
