//! The device of all cases: a flag that says "ready". The handler sets it, as if the device had
//! just become ready; a try takes it.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

static READY: AtomicBool = AtomicBool::new(false);

/// Makes the device ready.
#[inline(always)]
pub fn set_ready() {
    READY.store(true, Relaxed);
}

/// Whether the device is ready; takes the flag if so.
#[inline(always)]
pub fn take_ready() -> bool {
    let ready = READY.load(Relaxed);
    if ready {
        READY.store(false, Relaxed);
    }
    ready
}

/// The same, as one try of an operation.
#[inline(always)]
pub fn ready() -> nb::Result<(), core::convert::Infallible> {
    if take_ready() { Ok(()) } else { Err(nb::Error::WouldBlock) }
}
