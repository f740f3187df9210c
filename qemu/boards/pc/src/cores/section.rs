//! The critical section of a two-core binary: interrupts masked on this core, and a lock between the
//! cores. It is a ticket lock, so that a core that comes back at once does not starve the other one.
//! It is re-entrant on the core that holds it, since sections nest.

use core::num::NonZeroUsize;

use critical_section::{Impl, RawRestoreState, set_impl};
use lock_api::{GetThreadId, RawReentrantMutex};
use spin::mutex::TicketMutex;
use x86_64::instructions::interrupts;

use super::Core;

/// The core, as the lock's idea of a thread.
struct Holder;

// SAFETY: no two cores have the same number, and what runs on a core with interrupts masked runs to
// its end there.
unsafe impl GetThreadId for Holder {
    const INIT: Self = Self;

    fn nonzero_thread_id(&self) -> NonZeroUsize {
        NonZeroUsize::MIN.saturating_add(Core::current() as usize)
    }
}

static LOCK: RawReentrantMutex<TicketMutex<()>, Holder> = RawReentrantMutex::INIT;

/// Whether the binary's critical section is this one.
pub(super) fn is_the_binarys() -> bool {
    critical_section::with(|_| LOCK.is_owned_by_current_thread())
}

struct TwoCores;

set_impl!(TwoCores);

// SAFETY: from `acquire` to `release` interrupts are masked, so nothing else runs on this core, and
// the lock is held, so nothing that is in a section runs on the other. The state that is restored is
// the one found, and the lock counts, so sections nest. `cli` and `sti` are compiler barriers in the
// `x86_64` crate; the lock acquires and releases.
unsafe impl Impl for TwoCores {
    unsafe fn acquire() -> RawRestoreState {
        let enabled = interrupts::are_enabled();
        interrupts::disable();
        LOCK.lock();
        enabled
    }

    unsafe fn release(enabled: RawRestoreState) {
        // SAFETY: this core holds it since `acquire`.
        unsafe { LOCK.unlock() };
        if enabled {
            interrupts::enable();
        }
    }
}
