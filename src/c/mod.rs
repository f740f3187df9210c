//! The library for programs in C: `cache` and `persist` as functions named `wb_…`, for a static
//! library with a generated header. `cargo run -- c` in the project makes both, for programs of the
//! host or (`--target bare`) for firmware. The library alone is `cargo rustc --release --lib
//! --crate-type staticlib` with the features `c,std` on the host, or `c-firmware` for firmware.
//!
//! What a function does is said where Rust calls it; here is what C adds: a [`Status`] for each
//! outcome, and a documented status for every pointer and number that can be checked. What cannot be
//! checked is each function's `# Safety`.
//!
//! # Invariants
//! 1. A pointer from C is an allegation: NULL and misaligned ones are refused before anything is
//!    done. That one points to what its type says is the caller's word.
//! 2. No reference to memory of the C program outlives the call, so that the program may use all of
//!    it between two calls: a batch keeps addresses, a region and a log a raw pointer.
//! 3. A number from C is no Rust enum and no `bool` before it was looked at.
//! 4. Nothing panics, so nothing unwinds into C: the linker says so (`qemu/runner/tests/c.rs`).

mod batch;
mod cache;
mod keep;
mod layout;
mod log;
mod region;
mod status;
mod words;

use core::ffi::c_void;

pub use batch::*;
pub use cache::*;
pub use log::*;
pub use region::*;
pub use status::*;

/// What makes a static library whole where there is no operating system: the handler of the panics
/// that there are none of (invariant 4).
#[cfg(all(feature = "c-firmware", target_os = "none", not(feature = "std")))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Checks that a value may be read or written there (invariant 1); `Err` says why not.
fn is_place<T>(pointer: *const T) -> Result<(), Status> {
    match pointer {
        _ if pointer.is_null() => Err(Status::Null),
        _ if !pointer.is_aligned() => Err(Status::Misaligned),
        _ => Ok(()),
    }
}

/// As [`is_place`], where NULL means that the value is not wanted.
fn is_place_if_any<T>(pointer: *const T) -> Result<(), Status> {
    if pointer.is_null() { Ok(()) } else { is_place(pointer) }
}

/// What `pointer` points to.
///
/// # Safety
/// If not refused, it points to a `T` that nothing writes to for the duration of the call.
unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, Status> {
    is_place(pointer)?;
    // SAFETY: not NULL and aligned, by the check; the rest is the caller's word.
    Ok(unsafe { &*pointer })
}

/// What `pointer` points to, to be changed.
///
/// # Safety
/// If not refused, it points to a `T` that nothing else uses for the duration of the call.
unsafe fn unique<'a, T>(pointer: *mut T) -> Result<&'a mut T, Status> {
    is_place(pointer)?;
    // SAFETY: as above.
    Ok(unsafe { &mut *pointer })
}

/// Writes `value`, if it is wanted.
///
/// # Safety
/// `pointer` is NULL, or was found to be a place and may be written to.
unsafe fn put<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: by the caller.
        unsafe { pointer.write(value) };
    }
}

/// Checks that memory can be so: with a length of 0 it always can, even at NULL.
fn is_memory(start: *const c_void, length: usize) -> Result<(), Status> {
    let fits = isize::try_from(length).is_ok() && start.addr().checked_add(length).is_some();
    match length {
        0 => Ok(()),
        _ if start.is_null() => Err(Status::Null),
        _ if !fits => Err(Status::OutOfBounds),
        _ => Ok(()),
    }
}

/// Where something is: its first address, and how many bytes. Nothing is at NULL.
#[derive(Clone, Copy)]
struct Span(usize, usize);

impl Span {
    /// Of what `pointer` points to.
    fn of<T>(pointer: *const T) -> Self {
        Self::bytes(pointer.cast(), size_of::<T>())
    }

    /// Of `length` bytes from `start` on.
    fn bytes(start: *const c_void, length: usize) -> Self {
        Self(start.addr(), if start.is_null() { 0 } else { length })
    }

    /// Checks that it shares no byte with any of these.
    fn is_apart(self, others: &[Self]) -> Result<(), Status> {
        let apart = |&Self(other, length): &Self| {
            length == 0
                || self.1 == 0
                || self.0.saturating_add(self.1) <= other
                || other.saturating_add(length) <= self.0
        };
        if others.iter().all(apart) { Ok(()) } else { Err(Status::Overlap) }
    }
}

/// `length` units of memory from `start` on, each of them one byte.
///
/// # Safety
/// If not refused, the memory is mapped and holds units of `T`, which is one byte long; nothing
/// writes to it for the duration of the call unless `T` allows that.
unsafe fn memory<'a, T>(start: *const c_void, length: usize) -> Result<&'a [T], Status> {
    const { assert!(size_of::<T>() == 1 && align_of::<T>() == 1) };
    is_memory(start, length)?;
    if start.is_null() {
        return Ok(&[]);
    }
    // SAFETY: not NULL, of a length that can be, by the check; the rest is the caller's word.
    Ok(unsafe { core::slice::from_raw_parts(start.cast(), length) })
}

/// As [`memory`], to be changed.
///
/// # Safety
/// As [`memory`], and nothing else uses it for the duration of the call.
unsafe fn memory_mut<'a>(start: *mut c_void, length: usize) -> Result<&'a mut [u8], Status> {
    is_memory(start, length)?;
    if start.is_null() {
        return Ok(&mut []);
    }
    // SAFETY: as above.
    Ok(unsafe { core::slice::from_raw_parts_mut(start.cast(), length) })
}
