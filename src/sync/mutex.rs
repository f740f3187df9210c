//! A mutex whose every operation is a try.

// # Invariant
// **While `locked` is 1 there is one guard, and `value` belongs to it.**

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
/// Interrupts stay enabled while the mutex is held. So a handler may only call
/// [`try_lock`](Self::try_lock): if it retried, it would wait for the holder that it has
/// interrupted.
///
/// Up to `W` [lockers](Self::locker) can wait for the mutex asleep or suspended. When a guard is
/// dropped, all of them are signalled, and the first one to try gets the mutex. With none (the default)
/// the mutex is waited for by retrying.
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
/// static SHARED: Mutex<u32, 2> = Mutex::new(0); // two lockers can wait
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

// SAFETY: by the module's invariant one guard at a time uses the value, in any context: the value
// is sent, never shared.
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
        Self::new(T::default())
    }
}

impl<T, const W: usize> Mutex<T, W> {
    const_unless_loom! {
        /// A free mutex. Its type says how many [lockers](Self::locker) can wait for it, so a `let`
        /// has to name the type: `let mutex: Mutex<_> = Mutex::new(0);`.
        pub fn new(value: T) -> Self {
            Self {
                locked: AtomicU32::new(0),
                freed: Broadcast::new(),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// One try. Dropping the guard frees the mutex; a guard that is forgotten leaves it held for
    /// ever.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while it is held.
    #[inline]
    pub fn try_lock(&self) -> nb::Result<MutexGuard<'_, T, W>, Infallible> {
        // The load comes first: a waiter that retries then shares the cache line with the holder. A
        // swap would take the line away from the holder at each try.
        if self.locked.load(Ordering::Relaxed) != 0 || self.locked.swap(1, Ordering::Acquire) != 0 {
            return Err(nb::Error::WouldBlock);
        }
        Ok(MutexGuard { mutex: self, value: PhantomData })
    }

    /// [`try_lock`](Self::try_lock) as an attempt, e.g. for [`block`](crate::block::block).
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub const fn lock(&self) -> Lock<'_, T, W> {
        Lock { mutex: self }
    }

    /// A locker, which can wait for the mutex asleep or suspended, or `None` while all `W` are
    /// handed out. Dropping it gives it back.
    pub fn locker(&self) -> Option<Locker<'_, T, W>> {
        Some(Locker { mutex: self, waiter: self.freed.waiter()? })
    }
}

/// Waits for a [`Mutex`], asleep or suspended.
#[derive(Debug)]
pub struct Locker<'m, T, const W: usize> {
    mutex: &'m Mutex<T, W>,
    waiter: Waiter<'m>,
}

impl<'m, T, const W: usize> Locker<'m, T, W> {
    /// Locks the mutex, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds. There is no queue, so there is no
    /// place in it to lose.
    #[inline]
    pub fn lock(&mut self) -> Operation<Tied<'_, Lock<'m, T, W>>> {
        self.waiter.operation(self.mutex.lock())
    }
}

/// See [`Mutex::lock`] and [`Locker::lock`].
#[doc(hidden)]
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

/// Gives access to the value of a [`Mutex`], and frees the mutex when it is dropped.
#[must_use = "the mutex is free again when the guard is dropped"]
pub struct MutexGuard<'m, T, const W: usize = 0> {
    mutex: &'m Mutex<T, W>,
    // A guard is sent and shared as a `&mut T` is.
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
        // SAFETY: by the invariant the value is this guard's.
        self.mutex.value.with(|value| unsafe { &*value })
    }
}

impl<T, const W: usize> DerefMut for MutexGuard<'_, T, W> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by the invariant the value is this guard's.
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
