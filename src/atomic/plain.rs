//! The atomics of `core`, and the critical section of the binary.

#[cfg(target_has_atomic = "32")]
pub(crate) use core::sync::atomic::AtomicU32;
pub(crate) use core::sync::atomic::Ordering;

pub(crate) use critical_section::with as section;

use core::{mem::MaybeUninit, ptr};

/// A cell with the interface of loom's.
#[derive(Debug)]
#[repr(transparent)]
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

/// Writes the first of `values` into `cells`, one into each.
///
/// # Safety
/// Nothing else uses the cells during the call, and there are at least as many values.
#[inline(always)]
pub(crate) unsafe fn write_each<T: Copy>(cells: &[UnsafeCell<MaybeUninit<T>>], values: &[T]) {
    // A cell is laid out as its value (`repr(transparent)`), and its content may be written behind
    // a shared reference.
    let to = cells.as_ptr().cast::<T>().cast_mut();
    // SAFETY: as the caller promises. `values` is borrowed, so it is not among the cells.
    unsafe { ptr::copy_nonoverlapping(values.as_ptr(), to, cells.len()) }
}

/// Reads the values in `cells` into the first of `values`.
///
/// # Safety
/// Each cell holds a value, nothing writes the cells during the call, and there are at least as
/// many values.
#[inline(always)]
pub(crate) unsafe fn read_each<T: Copy>(cells: &[UnsafeCell<MaybeUninit<T>>], values: &mut [T]) {
    // SAFETY: as the caller promises; a cell is laid out as its value. `values` is borrowed
    // exclusively, so it is not among the cells.
    unsafe { ptr::copy_nonoverlapping(cells.as_ptr().cast(), values.as_mut_ptr(), cells.len()) }
}
