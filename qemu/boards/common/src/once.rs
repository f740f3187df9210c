//! A value that is there from the start of the run.

// Invariant: `place` is null or came from a `&'static T`.

use core::{
    marker::PhantomData,
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

/// A place for a reference, which is empty until the board is set up.
#[derive(Debug)]
pub struct Once<T: Sync + 'static> {
    place: AtomicPtr<T>,
    of: PhantomData<&'static T>,
}

impl<T: Sync + 'static> Once<T> {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { place: AtomicPtr::new(ptr::null_mut()), of: PhantomData }
    }

    /// From here on [`get`](Self::get) returns this one.
    pub fn set(&self, value: &'static T) {
        self.place.store(ptr::from_ref(value).cast_mut(), Ordering::Release);
    }

    /// What was set; `None` before.
    #[must_use]
    pub fn get(&self) -> Option<&'static T> {
        // SAFETY: by the invariant of the module; a `T` may be shared.
        unsafe { self.place.load(Ordering::Acquire).as_ref() }
    }
}

impl<T: Sync + 'static> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}
