//! A Rust value that a C struct keeps between two calls.

use core::mem::MaybeUninit;

use super::{Status, put, shared, unique};

/// A C struct that keeps a value.
///
/// # Safety
/// It is `repr(C)`, and its first field is `begun: u64`. While `begun` is [`BEGUN`](Self::BEGUN),
/// only this module has written to it.
pub(super) unsafe trait Keep: Sized {
    /// The value.
    type Kept;
    /// The content of `begun` while the struct holds a value.
    const BEGUN: u64;
}

#[repr(C)]
struct Layout<K> {
    begun: u64,
    kept: MaybeUninit<K>,
}

/// The layout of the struct. It has room for the value.
const fn layout<S: Keep>(place: *const S) -> *mut Layout<S::Kept> {
    const {
        assert!(size_of::<Layout<S::Kept>>() <= size_of::<S>());
        assert!(align_of::<Layout<S::Kept>>() == align_of::<S>());
    }
    place.cast_mut().cast()
}

/// Stores a value in the struct. Overwrites what the struct held before.
///
/// # Safety
/// `is_place(place)` succeeded, and `place` may be written to.
pub(super) unsafe fn begin<S: Keep>(place: *mut S, kept: S::Kept) {
    let begun = Layout { begun: S::BEGUN, kept: MaybeUninit::new(kept) };
    // SAFETY: by the caller; `layout` has checked size and alignment.
    unsafe { put(layout(place), begun) };
}

/// The value that the struct holds.
///
/// # Safety
/// As [`shared`].
pub(super) unsafe fn kept<'a, S: Keep>(place: *const S) -> Result<&'a S::Kept, Status> {
    // SAFETY: by the caller; the struct is at least as long.
    let Layout { begun, kept } = unsafe { shared(layout(place)) }?;
    match *begun == S::BEGUN {
        // SAFETY: `begin` stored one.
        true => Ok(unsafe { kept.assume_init_ref() }),
        false => Err(Status::NotBegun),
    }
}

/// The value that the struct holds, for changing it.
///
/// # Safety
/// As [`unique`].
pub(super) unsafe fn kept_mut<'a, S: Keep>(place: *mut S) -> Result<&'a mut S::Kept, Status> {
    // SAFETY: by the caller; the struct is at least as long.
    let Layout { begun, kept } = unsafe { unique(layout(place)) }?;
    match *begun == S::BEGUN {
        // SAFETY: as above.
        true => Ok(unsafe { kept.assume_init_mut() }),
        false => Err(Status::NotBegun),
    }
}

/// Takes the value out. Afterwards the struct is not begun.
///
/// # Safety
/// As [`kept_mut`].
pub(super) unsafe fn take<S: Keep>(place: *mut S) -> Result<S::Kept, Status> {
    // SAFETY: by the caller.
    let kept: *mut S::Kept = unsafe { kept_mut(place) }?;
    // SAFETY: `kept_mut` found a value; the next statement makes sure that it is read only once.
    let taken = unsafe { kept.read() };
    // SAFETY: by the caller; no reference into the struct is alive.
    unsafe { (*layout(place)).begun = 0 };
    Ok(taken)
}
