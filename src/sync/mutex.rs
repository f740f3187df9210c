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
    event::{Broadcast, Operation, Waiter, wait::Tied},
};

/// A value that one holder at a time may use, across handlers and cores.
///
/// Interrupts stay on while it is held. So in a handler only [`try_lock`](Self::try_lock) is legal:
/// a handler that retries waits for the very holder that it interrupts.
///
/// Up to `W` lockers can wait for it asleep or suspended; each end of a hold tells all of them, and
/// who tries first gets it. With none (the default) it is waited for by retrying.
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
///
/// static SHARED: Mutex<u32, 2> = Mutex::with_lockers(0);
///
/// # async fn task() {
/// let mut locker = SHARED.locker().expect("two lockers");
/// *locker.lock().await.unwrap() += 1;
/// # }
/// ```
pub struct Mutex<T, const W: usize = 0> {
    locked: AtomicU32,
    freed: Broadcast<W>,
    value: UnsafeCell<T>,
}

// SAFETY: by the module's invariant the value has one user at a time, which may be in any context;
// so it is sent, never shared.
unsafe impl<T: Send, const W: usize> Sync for Mutex<T, W> {}

// SAFETY: a mutex owns its value.
unsafe impl<T: Send, const W: usize> Send for Mutex<T, W> {}

impl<T, const W: usize> fmt::Debug for Mutex<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T: Default, const W: usize> Default for Mutex<T, W> {
    fn default() -> Self {
        Self::with_lockers(T::default())
    }
}

impl<T> Mutex<T> {
    const_unless_loom! {
        /// A free mutex, waited for by retrying.
        pub fn new(value: T) -> Self {
            Self::with_lockers(value)
        }
    }
}

impl<T, const W: usize> Mutex<T, W> {
    const_unless_loom! {
        /// A free mutex, for which up to `W` [lockers](Self::locker) can wait.
        pub fn with_lockers(value: T) -> Self {
            Self {
                locked: AtomicU32::new(0),
                freed: Broadcast::new(),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// One try. The guard frees the mutex when it is dropped; a guard that is forgotten leaves it
    /// held.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while it is held.
    #[inline]
    pub fn try_lock(&self) -> nb::Result<MutexGuard<'_, T, W>, Infallible> {
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
    pub const fn lock(&self) -> Lock<'_, T, W> {
        Lock { mutex: self }
    }

    /// Somebody who can wait for the mutex asleep or suspended, or `None` while all `W` are handed
    /// out. It comes back when it is dropped.
    pub fn locker(&self) -> Option<Locker<'_, T, W>> {
        Some(Locker { mutex: self, waiter: self.freed.waiter()? })
    }
}

/// Who waits for a [`Mutex`].
#[derive(Debug)]
pub struct Locker<'m, T, const W: usize> {
    mutex: &'m Mutex<T, W>,
    waiter: Waiter<'m>,
}

impl<'m, T, const W: usize> Locker<'m, T, W> {
    /// Locks the mutex, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds. There is no queue to lose a place
    /// in.
    #[inline]
    pub fn lock(&mut self) -> Operation<Tied<'_, Lock<'m, T, W>>> {
        self.waiter.operation(self.mutex.lock())
    }
}

/// See [`Mutex::lock`] and [`Locker::lock`].
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Lock<'m, T, const W: usize = 0> {
    mutex: &'m Mutex<T, W>,
}

impl<'m, T, const W: usize> Attempt for Lock<'m, T, W> {
    type Output = MutexGuard<'m, T, W>;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<MutexGuard<'m, T, W>, Infallible> {
        self.mutex.try_lock()
    }
}

/// The right to use the value of a [`Mutex`].
#[must_use = "the mutex is free again when the guard is dropped"]
pub struct MutexGuard<'m, T, const W: usize = 0> {
    mutex: &'m Mutex<T, W>,
    /// Sent and shared as a `&mut T` is.
    value: PhantomData<&'m mut T>,
}

impl<T: fmt::Debug, const W: usize> fmt::Debug for MutexGuard<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T, const W: usize> Deref for MutexGuard<'_, T, W> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this is the guard.
        self.mutex.value.with(|value| unsafe { &*value })
    }
}

impl<T, const W: usize> DerefMut for MutexGuard<'_, T, W> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the guard.
        self.mutex.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T, const W: usize> Drop for MutexGuard<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.locked.store(0, Ordering::Release);
        self.mutex.freed.signal();
    }
}
