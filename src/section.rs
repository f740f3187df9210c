//! The critical section of a hosted program: a lock that a thread may take again.
//!
//! The crate `critical-section` has one, too, behind its feature `std`; but with the feature
//! `testing` each end of a critical section, in any crate, is a boundary of the sweep, and that
//! one has no place for it. A program has one implementation. So that other crates may ask for the
//! one of `critical-section` all the same, this one is a weak symbol on Linux for x86_64 and AArch64: both link,
//! and the linker takes one, for all callers. If that is the other one, a sweep refuses to run. Elsewhere, and in
//! a program with `lto = "fat"`, two may not link.

// Invariant: a thread whose `HELD` is not zero has set `LOCK.taken`, or is about to, or has just
// cleared it; so at most one thread runs code in a critical section. `HELD` changes before `taken`
// is set and after it is cleared: a signal handler of the thread, which may come in between, is
// held off.

use core::sync::atomic::{Ordering, compiler_fence};
use std::{
    cell::Cell,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

thread_local! {
    /// The number of critical sections that this thread is in.
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// What the threads share.
struct Lock {
    taken: bool,
    waiting: u32,
}

static LOCK: Mutex<Lock> = Mutex::new(Lock { taken: false, waiting: 0 });
static FREE: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, Lock> {
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Section;

// SAFETY: see the invariant. `HELD` is the thread's own, so sections nest; the lock orders the memory
// accesses of one thread's section before those of the next.
unsafe impl critical_section::Impl for Section {
    unsafe fn acquire() -> bool {
        #[cfg(feature = "testing")]
        crate::hooks::section_begins();
        let held = HELD.replace(HELD.get() + 1);
        if held == 0 {
            compiler_fence(Ordering::SeqCst);
            let mut lock = lock();
            lock.waiting += 1;
            while lock.taken {
                lock = FREE.wait(lock).unwrap_or_else(PoisonError::into_inner);
            }
            lock.waiting -= 1;
            lock.taken = true;
        }
        held != 0
    }

    unsafe fn release(nested: bool) {
        if nested {
            HELD.set(HELD.get() - 1);
        } else {
            leave();
        }
        #[cfg(feature = "testing")]
        crate::hooks::section_ends();
    }
}

/// Releases the outermost critical section of this thread.
fn leave() {
    let mut lock = lock();
    lock.taken = false;
    if lock.waiting != 0 {
        FREE.notify_one();
    }
    drop(lock);
    compiler_fence(Ordering::SeqCst);
    HELD.set(0);
}

/// Whether this thread is in a critical section of this implementation. Async-signal-safe.
#[cfg(feature = "testing")]
pub(crate) fn held() -> bool {
    HELD.get() != 0
}

/// Releases the critical sections that this thread is in, if any: it will not leave them itself.
#[cfg(feature = "testing")]
pub(crate) fn abandon() {
    if held() {
        leave();
    }
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    not(miri)
)))]
critical_section::set_impl!(Section);

/// The two symbols of `set_impl!`, weak.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
mod weak {
    use critical_section::Impl;

    fn acquire() -> critical_section::RawRestoreState {
        // SAFETY: the caller is `critical_section::acquire`, whose contract is the same.
        unsafe { super::Section::acquire() }
    }

    fn release(nested: critical_section::RawRestoreState) {
        // SAFETY: the caller is `critical_section::release`, whose contract is the same.
        unsafe { super::Section::release(nested) }
    }

    /// Jumps, so arguments and results are where the two functions have them: as in `set_impl!`,
    /// they have Rust's ABI.
    macro_rules! weak {
        ($jump:literal) => {
            core::arch::global_asm!(
                ".pushsection .text",
                ".weak _critical_section_1_0_acquire",
                ".type _critical_section_1_0_acquire, %function",
                "_critical_section_1_0_acquire:",
                concat!($jump, " {acquire}"),
                ".weak _critical_section_1_0_release",
                ".type _critical_section_1_0_release, %function",
                "_critical_section_1_0_release:",
                concat!($jump, " {release}"),
                ".popsection",
                acquire = sym acquire,
                release = sym release,
            );
        };
    }
    #[cfg(target_arch = "aarch64")]
    weak!("b");
    #[cfg(target_arch = "x86_64")]
    weak!("jmp");
}

#[cfg(test)]
#[test]
fn one_thread_at_a_time_is_in_it_and_it_nests() {
    use std::{thread, vec::Vec};

    static COUNT: critical_section::Mutex<Cell<u32>> = critical_section::Mutex::new(Cell::new(0));
    let add = || {
        for _ in 0..500 {
            critical_section::with(|section| {
                let count = COUNT.borrow(section).get();
                critical_section::with(|_| thread::yield_now());
                COUNT.borrow(section).set(count + 1);
            });
        }
    };
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(add)).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
    assert_eq!(critical_section::with(|section| COUNT.borrow(section).get()), 4 * 500);
    assert_eq!(HELD.get(), 0);
}
