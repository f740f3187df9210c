//! `sync::Mutex`: one holder at a time; a try that fails changes nothing; lockers are woken.

use std::{cell::Cell, sync::atomic::Ordering::SeqCst};

use fakes::waker::{counting, poll};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use wouldblock::{
    attempt::Attempt,
    block::{self, Spin},
    nb,
    sync::{Lock, Mutex, MutexGuard},
};

assert_impl_all!(Mutex<Cell<u8>>: Send, Sync);
assert_not_impl_any!(Mutex<std::rc::Rc<u8>>: Send, Sync);
assert_impl_all!(MutexGuard<'static, Cell<u8>>: Send);
assert_not_impl_any!(MutexGuard<'static, Cell<u8>>: Sync);
assert_impl_all!(MutexGuard<'static, u8>: Send, Sync);

#[test]
fn one_holder_at_a_time() {
    let mutex: Mutex<_> = Mutex::new(1);
    let mut guard = mutex.try_lock().unwrap();
    for _ in 0..10 {
        assert!(matches!(mutex.try_lock(), Err(nb::Error::WouldBlock)));
    }
    *guard += 1;
    drop(guard);
    assert_eq!(*mutex.try_lock().unwrap(), 2);
    assert_eq!(format!("{:?} {mutex:?}", mutex.try_lock().unwrap()), "2 Mutex { .. }");
    assert_eq!(*Mutex::<u8>::default().try_lock().unwrap(), 0);
}

#[test]
fn a_lock_is_an_attempt() {
    let mutex: Mutex<_> = Mutex::new(());
    let mut lock: Lock<'_, ()> = mutex.lock();
    let first = lock.attempt().unwrap();
    assert!(matches!(lock.attempt(), Err(nb::Error::WouldBlock)));
    drop(first);
    let second = lock.attempt().unwrap();
    drop(second);
    let Ok(_third) = block::block(lock);
}

#[test]
fn a_guard_that_is_forgotten_leaves_it_held() {
    let mutex: Mutex<_> = Mutex::new(());
    std::mem::forget(mutex.try_lock().unwrap());
    assert!(mutex.try_lock().is_err());
}

#[test]
fn a_panic_frees_it() {
    let mutex: Mutex<_> = Mutex::new(7);
    let panicked = std::panic::AssertUnwindSafe(|| {
        let _guard = mutex.try_lock().unwrap();
        panic!("planted");
    });
    assert!(std::panic::catch_unwind(panicked).is_err());
    assert_eq!(*mutex.try_lock().unwrap(), 7);
}

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn threads_exclude_each_other() {
    static TOTAL: Mutex<(u64, u64)> = Mutex::new((0, 0));
    const ROUNDS: u64 = 50_000;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let Ok(mut total) = block::block(TOTAL.lock());
                    // A second holder would see the two halves differ.
                    total.0 += 1;
                    assert_eq!(total.0, total.1 + 1);
                    total.1 += 1;
                }
            });
        }
    });
    assert_eq!(*TOTAL.try_lock().unwrap(), (3 * ROUNDS, 3 * ROUNDS));
}

#[test]
fn the_end_of_a_hold_wakes_the_lockers() {
    let mutex = Mutex::<u32, 2>::new(0);
    let (mut one, mut two) = (mutex.locker().unwrap(), mutex.locker().unwrap());
    assert!(mutex.locker().is_none());
    let ((first, first_wakes), (second, second_wakes)) = (counting(), counting());
    let mut guard = mutex.try_lock().unwrap();
    *guard = 5;
    let (mut one, mut two) = (one.lock(), two.lock());
    assert!(poll(&mut one, &first).is_pending());
    assert!(poll(&mut two, &second).is_pending());
    drop(guard);
    assert_eq!((first_wakes.load(SeqCst), second_wakes.load(SeqCst)), (1, 1));
    let std::task::Poll::Ready(Ok(held)) = poll(&mut two, &second) else { panic!("it is free") };
    assert_eq!(*held, 5);
    assert!(poll(&mut one, &first).is_pending(), "the first to try gets it");
    drop(one); // A lock that is dropped leaves nothing behind.
    drop(held);
    assert_eq!(first_wakes.load(SeqCst), 1);
    assert!(mutex.try_lock().is_ok());
}

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn threads_lock_in_every_form() {
    const ROUNDS: u32 = 2000;
    static TOTAL: Mutex<u32, 3> = Mutex::new(0);
    std::thread::scope(|scope| {
        for form in 0..3 {
            scope.spawn(move || {
                let mut locker = TOTAL.locker().unwrap();
                for _ in 0..ROUNDS {
                    let guard = match form {
                        0 => locker.lock().block(Spin),
                        1 => pollster::block_on(locker.lock()),
                        _ => block::block(TOTAL.lock()),
                    };
                    let Ok(mut guard) = guard;
                    *guard += 1;
                }
            });
        }
    });
    assert_eq!(*TOTAL.try_lock().unwrap(), 3 * ROUNDS);
}
