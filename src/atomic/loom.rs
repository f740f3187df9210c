//! The atomics and cells of loom, so that a model sees every access.

use core::cell::Cell;

use critical_section::CriticalSection;
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering},
};

loom::lazy_static! {
    static ref SECTION: loom::sync::Mutex<()> = loom::sync::Mutex::new(());
}

/// Runs `f` in a critical section. For loom that is a lock: a critical section excludes the
/// interrupts of its core and the other cores, and a model has only the latter. As on hardware, a
/// context that is in one may enter another.
pub(crate) fn section<R>(f: impl FnOnce(CriticalSection<'_>) -> R) -> R {
    loom::thread_local! {
        static INSIDE: Cell<bool> = Cell::new(false);
    }
    /// The outermost section of this thread ends.
    struct Outermost;
    impl Drop for Outermost {
        fn drop(&mut self) {
            INSIDE.with(|inside| inside.set(false));
        }
    }

    let outermost = INSIDE.with(|inside| !inside.replace(true));
    let _lock =
        outermost.then(|| SECTION.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let _outermost = outermost.then(|| Outermost); // Not `then_some`: it would make one and drop it.
    // SAFETY: the lock is held until the outermost `f` has returned, and there are no contexts besides
    // loom's threads.
    f(unsafe { CriticalSection::new() })
}
