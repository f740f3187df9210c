//! The device of all cases: a register that says "ready". A handler sets it, as if the device had
//! just become so; one try takes it.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

static READY: AtomicBool = AtomicBool::new(false);

/// It is ready from now on.
#[inline(always)]
pub fn set_ready() {
    READY.store(true, Relaxed);
}

/// Whether it is ready; if so it is not any more.
#[inline(always)]
pub fn take_ready() -> bool {
    let ready = READY.load(Relaxed);
    if ready {
        READY.store(false, Relaxed);
    }
    ready
}

/// The same as one try of an operation.
#[inline(always)]
pub fn ready() -> nb::Result<(), core::convert::Infallible> {
    if take_ready() { Ok(()) } else { Err(nb::Error::WouldBlock) }
}
