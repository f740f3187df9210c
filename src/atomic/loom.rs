//! The atomics and cells of loom, so that a model sees every access.

use critical_section::CriticalSection;
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering},
};

/// Runs `f` in a critical section. For loom that is a lock: a critical section excludes the
/// interrupts of its core and the other cores, and a model has only the latter.
pub(crate) fn section<R>(f: impl FnOnce(CriticalSection<'_>) -> R) -> R {
    loom::lazy_static! {
        static ref SECTION: loom::sync::Mutex<()> = loom::sync::Mutex::new(());
    }
    let _section = SECTION.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: the lock is held until `f` has returned, and there are no contexts besides loom's
    // threads.
    f(unsafe { CriticalSection::new() })
}
