//! A mutex whose every operation is a try.
//!
//! # Invariant
//! **`value` belongs to the one guard that exists while `locked` is 1.**

use core::{
    convert::Infallible,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

use crate::{
    atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom},
    attempt::Attempt,
};

/// A value that one holder at a time may use, across handlers and cores.
///
/// Interrupts stay on while it is held. So in a handler only [`try_lock`](Self::try_lock) is legal:
/// a handler that retries waits for the very holder that it interrupts.
///
/// ```
/// use wouldblock::{block, sync::Mutex};
///
/// static TOTAL: Mutex<u32> = Mutex::new(0);
///
/// let mut total = block::block(TOTAL.lock()).unwrap();        // retried until it is free
/// *total += 1;
/// assert!(matches!(TOTAL.try_lock(), Err(nb::Error::WouldBlock))); // one try, and it is held
/// drop(total);
/// assert_eq!(*TOTAL.try_lock().unwrap(), 1);
/// ```
pub struct Mutex<T> {
    locked: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: by the module's invariant the value has one user at a time, which may be in any context;
// so it is sent, never shared.
unsafe impl<T: Send> Sync for Mutex<T> {}

// SAFETY: a mutex owns its value.
unsafe impl<T: Send> Send for Mutex<T> {}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Mutex<T> {
    const_unless_loom! {
        /// A free mutex.
        pub fn new(value: T) -> Self {
            Self { locked: AtomicU32::new(0), value: UnsafeCell::new(value) }
        }
    }

    /// One try. The guard frees the mutex when it is dropped; a guard that is forgotten leaves it
    /// held.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while it is held.
    #[inline]
    pub fn try_lock(&self) -> nb::Result<MutexGuard<'_, T>, Infallible> {
        // A look first: who retries then shares the line with the holder, and does not take it away
        // each time.
        if self.locked.load(Ordering::Relaxed) != 0 || self.locked.swap(1, Ordering::Acquire) != 0 {
            return Err(nb::Error::WouldBlock);
        }
        Ok(MutexGuard { mutex: self, value: PhantomData })
    }

    /// [`try_lock`](Self::try_lock) as an attempt, to be blocked on, or bounded.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub const fn lock(&self) -> Lock<'_, T> {
        Lock { mutex: self }
    }
}

/// See [`Mutex::lock`].
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Lock<'m, T> {
    mutex: &'m Mutex<T>,
}

impl<'m, T> Attempt for Lock<'m, T> {
    type Output = MutexGuard<'m, T>;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<MutexGuard<'m, T>, Infallible> {
        self.mutex.try_lock()
    }
}

/// The right to use the value of a [`Mutex`].
#[must_use = "the mutex is free again when the guard is dropped"]
pub struct MutexGuard<'m, T> {
    mutex: &'m Mutex<T>,
    /// Sent and shared as a `&mut T` is.
    value: PhantomData<&'m mut T>,
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this is the guard.
        self.mutex.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the guard.
        self.mutex.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.locked.store(0, Ordering::Release);
    }
}
