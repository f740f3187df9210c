//! `sync::Mutex`: one holder at a time; a try that fails changes nothing.

use std::cell::Cell;

use static_assertions::{assert_impl_all, assert_not_impl_any};
use wouldblock::{
    attempt::Attempt,
    block, nb,
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
fn threads_exclude_each_other() {
    static TOTAL: Mutex<(u64, u64)> = Mutex::new((0, 0));
    const ROUNDS: u64 = 50_000;
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let Ok(mut total) = block::block(TOTAL.lock());
                    // Two halves that a second holder would see apart.
                    total.0 += 1;
                    assert_eq!(total.0, total.1 + 1);
                    total.1 += 1;
                }
            });
        }
    });
    assert_eq!(*TOTAL.try_lock().unwrap(), (3 * ROUNDS, 3 * ROUNDS));
}
