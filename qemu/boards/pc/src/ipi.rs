//! Interrupts from one core to the other one.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::{apic, vectors};

static ENABLED: AtomicBool = AtomicBool::new(false);

/// Whether the other core may be interrupted.
pub(crate) fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// Raises [`Line::Ipi`](crate::interrupts::Line::Ipi) on the other core, if the line is enabled.
/// The handler there sees what this core has written before, and so do the tasks that it wakes.
#[inline]
pub fn interrupt_other() {
    if ENABLED.load(Ordering::Relaxed) {
        apic::local::send_others(vectors::IPI.into());
    }
}
