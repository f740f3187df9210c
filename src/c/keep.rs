//! A value of the library's that a struct of C keeps between two calls.

use core::mem::MaybeUninit;

use super::{Status, put, shared, unique};

/// A struct of C that keeps a value.
///
/// # Safety
/// It is `repr(C)`, and its first field is `begun: u64`. While `begun` is [`BEGUN`](Self::BEGUN),
/// only this module has written to it.
pub(super) unsafe trait Keep: Sized {
    /// The value.
    type Kept;
    /// What is in `begun` while there is one.
    const BEGUN: u64;
}

#[repr(C)]
struct Layout<K> {
    begun: u64,
    kept: MaybeUninit<K>,
}

/// The struct as it is laid out, which has room for its value.
const fn layout<S: Keep>(place: *const S) -> *mut Layout<S::Kept> {
    const {
        assert!(size_of::<Layout<S::Kept>>() <= size_of::<S>());
        assert!(align_of::<Layout<S::Kept>>() == align_of::<S>());
    }
    place.cast_mut().cast()
}

/// Puts a value there. What the struct held before does not matter.
///
/// # Safety
/// `place` was found to be a place and may be written to.
pub(super) unsafe fn begin<S: Keep>(place: *mut S, kept: S::Kept) {
    let begun = Layout { begun: S::BEGUN, kept: MaybeUninit::new(kept) };
    // SAFETY: by the caller; the struct has room for it and its alignment.
    unsafe { put(layout(place), begun) };
}

/// The value that is kept there.
///
/// # Safety
/// As [`shared`].
pub(super) unsafe fn kept<'a, S: Keep>(place: *const S) -> Result<&'a S::Kept, Status> {
    // SAFETY: by the caller; the struct is no shorter.
    let Layout { begun, kept } = unsafe { shared(layout(place)) }?;
    match *begun == S::BEGUN {
        // SAFETY: `begin` put one there.
        true => Ok(unsafe { kept.assume_init_ref() }),
        false => Err(Status::NotBegun),
    }
}

/// The same, to be changed.
///
/// # Safety
/// As [`unique`].
pub(super) unsafe fn kept_mut<'a, S: Keep>(place: *mut S) -> Result<&'a mut S::Kept, Status> {
    // SAFETY: by the caller; the struct is no shorter.
    let Layout { begun, kept } = unsafe { unique(layout(place)) }?;
    match *begun == S::BEGUN {
        // SAFETY: as above.
        true => Ok(unsafe { kept.assume_init_mut() }),
        false => Err(Status::NotBegun),
    }
}

/// Takes the value out; the struct is not begun from then on.
///
/// # Safety
/// As [`kept_mut`].
pub(super) unsafe fn take<S: Keep>(place: *mut S) -> Result<S::Kept, Status> {
    // SAFETY: by the caller.
    let kept: *mut S::Kept = unsafe { kept_mut(place) }?;
    // SAFETY: it is there, and with the next line for the last time.
    let taken = unsafe { kept.read() };
    // SAFETY: by the caller; no reference into the struct is alive.
    unsafe { (*layout(place)).begun = 0 };
    Ok(taken)
}
