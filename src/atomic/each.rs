//! What `plain` copies at once, cell by cell: for cells that look at each access.

use core::mem::MaybeUninit;

use super::UnsafeCell;

/// Writes the first of `values` into `cells`, one into each.
///
/// # Safety
/// Nothing else uses the cells during the call, and there are at least as many values.
#[track_caller]
pub(crate) unsafe fn write_each<T: Copy>(cells: &[UnsafeCell<MaybeUninit<T>>], values: &[T]) {
    for (cell, &value) in cells.iter().zip(values) {
        cell.with_mut(|cell| {
            // SAFETY: as the caller promises.
            unsafe { (*cell).write(value) };
        });
    }
}

/// Reads the values in `cells` into the first of `values`.
///
/// # Safety
/// Each cell holds a value, nothing writes the cells during the call, and there are at least as
/// many values.
#[track_caller]
pub(crate) unsafe fn read_each<T: Copy>(cells: &[UnsafeCell<MaybeUninit<T>>], values: &mut [T]) {
    for (cell, value) in cells.iter().zip(values) {
        // SAFETY: as the caller promises.
        *value = cell.with(|cell| unsafe { (*cell).assume_init_read() });
    }
}
