//! A value that the foreground puts into a `static` for the handler, such as the end of a channel that
//! sends.

use core::cell::UnsafeCell;

/// The value, or nothing until it is put there.
///
/// # Invariant
/// Only the handler uses the value, and only after [`put`](Self::put), which is called once, before the
/// interrupt is enabled.
#[derive(Debug)]
pub struct InHandler<T>(UnsafeCell<Option<T>>);

// SAFETY: by the invariant one context at a time uses the value, and it is sent to the handler.
unsafe impl<T: Send> Sync for InHandler<T> {}

impl<T> InHandler<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// Puts the value there.
    ///
    /// # Safety
    /// Called once, before the interrupt is enabled.
    #[inline(always)]
    pub unsafe fn put(&self, value: T) {
        // SAFETY: by the caller, nothing else uses it, and there is no value yet that would be dropped.
        unsafe { self.0.get().write(Some(value)) }
    }

    /// The value, if it is there.
    ///
    /// # Safety
    /// Only the handler calls this, and holds one result at a time.
    #[expect(clippy::mut_from_ref)]
    #[inline(always)]
    pub unsafe fn get(&self) -> Option<&mut T> {
        // SAFETY: by the caller, nothing else uses it.
        unsafe { &mut *self.0.get() }.as_mut()
    }
}

impl<T> Default for InHandler<T> {
    fn default() -> Self {
        Self::new()
    }
}
