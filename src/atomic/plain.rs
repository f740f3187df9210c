//! The atomics of `core`, and the critical section of the binary.

#[cfg(target_has_atomic = "32")]
pub(crate) use core::sync::atomic::AtomicU32;
pub(crate) use core::sync::atomic::Ordering;

pub(crate) use critical_section::with as section;

/// A cell with the interface of loom's.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}
