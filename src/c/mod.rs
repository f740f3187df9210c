//! The library for C programs: `cache` and `persist` as functions named `wb_…`, in a static library
//! with a generated header, `wouldblock.h`. The items are hidden in Rust's documentation: the
//! header documents them. `cargo run -- c` in the project makes the library and the header, for
//! programs on the host or (`--target bare`) for firmware. The library alone is `cargo rustc
//! --release --lib --crate-type staticlib` with the features `c,std` on the host, or `c-firmware`
//! for firmware.
//!
//! Each function returns a [`Status`]. Every pointer and number that can be checked is checked, and
//! a documented status refuses a wrong one. What cannot be checked is in the function's `# Safety`.

// Invariants:
// 1. A pointer from C is not trusted: a NULL or misaligned pointer is refused before anything is
//    done. The caller vouches that a pointer points to a value of its type.
// 2. No reference to memory of the C program outlives the call, so the program may use all of its
//    memory between two calls. A batch keeps addresses; a region and a log keep a raw pointer.
// 3. A number from C becomes a Rust enum or a `bool` only after it was checked.
// 4. Nothing panics, so nothing unwinds into C. The linker proves it (`qemu/runner/tests/c.rs`).

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

/// A static library without an operating system must define a panic handler, although nothing
/// panics (invariant 4).
#[cfg(all(feature = "c-firmware", target_os = "none", not(feature = "std")))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Checks that `pointer` is neither NULL nor misaligned (invariant 1); `Err` is the reason.
fn is_place<T>(pointer: *const T) -> Result<(), Status> {
    match pointer {
        _ if pointer.is_null() => Err(Status::Null),
        _ if !pointer.is_aligned() => Err(Status::Misaligned),
        _ => Ok(()),
    }
}

/// As [`is_place`], but accepts NULL, which means that the caller does not want the value.
fn is_place_if_any<T>(pointer: *const T) -> Result<(), Status> {
    if pointer.is_null() { Ok(()) } else { is_place(pointer) }
}

/// The value that `pointer` points to.
///
/// # Safety
/// If the result is `Ok`, `pointer` points to a `T` that nothing writes to for the duration of the
/// call.
unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, Status> {
    is_place(pointer)?;
    // SAFETY: not NULL and aligned, by the check; the caller vouches for the rest.
    Ok(unsafe { &*pointer })
}

/// The value that `pointer` points to, for changing it.
///
/// # Safety
/// If the result is `Ok`, `pointer` points to a `T` that nothing else uses for the duration of the
/// call.
unsafe fn unique<'a, T>(pointer: *mut T) -> Result<&'a mut T, Status> {
    is_place(pointer)?;
    // SAFETY: as above.
    Ok(unsafe { &mut *pointer })
}

/// Writes `value` unless `pointer` is NULL.
///
/// # Safety
/// `pointer` is NULL, or it is aligned and may be written to.
unsafe fn put<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: by the caller.
        unsafe { pointer.write(value) };
    }
}

/// Checks that `length` bytes can be at `start`: not at NULL, and not beyond the end of the address
/// space. A length of 0 is always accepted.
fn is_memory(start: *const c_void, length: usize) -> Result<(), Status> {
    let fits = isize::try_from(length).is_ok() && start.addr().checked_add(length).is_some();
    match length {
        0 => Ok(()),
        _ if start.is_null() => Err(Status::Null),
        _ if !fits => Err(Status::OutOfBounds),
        _ => Ok(()),
    }
}

/// A piece of memory: its first address and its length in bytes. At NULL the length is 0.
#[derive(Clone, Copy)]
struct Span(usize, usize);

impl Span {
    /// The memory of the value that `pointer` points to.
    fn of<T>(pointer: *const T) -> Self {
        Self::bytes(pointer.cast(), size_of::<T>())
    }

    /// The `length` bytes from `start`.
    fn bytes(start: *const c_void, length: usize) -> Self {
        Self(start.addr(), if start.is_null() { 0 } else { length })
    }

    /// Checks that it overlaps with none of `others`.
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

/// The `length` values of `T` from `start`; `T` is one byte long.
///
/// # Safety
/// If the result is `Ok`, the memory is mapped and holds values of `T`. Nothing writes to it for
/// the duration of the call unless `T` allows that.
unsafe fn memory<'a, T>(start: *const c_void, length: usize) -> Result<&'a [T], Status> {
    const { assert!(size_of::<T>() == 1 && align_of::<T>() == 1) };
    is_memory(start, length)?;
    if start.is_null() {
        return Ok(&[]);
    }
    // SAFETY: not NULL and within the address space, by the check; the caller vouches for the rest.
    Ok(unsafe { core::slice::from_raw_parts(start.cast(), length) })
}

/// As [`memory`], for changing it.
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
