//! x86_64 in ring 0: race-free sleep, the time stamp counter as a clock, and the critical section
//! of a one-core binary.

use core::{hint::spin_loop, num::NonZeroU64};

use ::x86_64::instructions::interrupts;

use crate::{
    block::{Idle, WithAlarm},
    time::Clock,
};

/// Waits asleep (`sti; hlt`) until an interrupt.
///
/// It checks for news with interrupts off. `sti` takes effect only after the next instruction,
/// which is the `hlt` (Intel SDM vol. 2, STI), so an interrupt in between still ends the `hlt`. If
/// the caller has masked interrupts, it spins instead. The instructions are privileged: outside
/// ring 0 they fault.
///
/// # On several cores
/// Problem: `hlt` ends with an interrupt on its own core, and a signal from another core is not an
/// interrupt. Rule: after the signal, the signalling core sends the sleeping core an interrupt (an
/// IPI).
/// - A handler sends it after it has dropped its [`Stepped`](crate::job::Stepped) or
///   [`OwedWake`](crate::event::OwedWake).
/// - Code that unlocks a mutex or moves a value through a channel sends it after that.
/// - For a task that awaits, only the executor sends it, in the function that its wakers call.
///
/// The IPI's handler may be empty. The sleeping core checks for news with interrupts off. So either
/// it sees the signal, or the IPI arrives later and ends the sleep. An IPI that is sent before the
/// signal may arrive too early.
#[derive(Clone, Copy, Debug, Default)]
pub struct Park;

impl Park {
    /// The same sleep with an alarm, for a wait with a deadline.
    #[doc(hidden)]
    pub const fn until<L>(alarm: L) -> WithAlarm<Self, L> {
        WithAlarm::new(Self, alarm)
    }
}

impl Idle for Park {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !interrupts::are_enabled() {
            return spin_loop();
        }
        interrupts::disable();
        if news() { interrupts::enable() } else { interrupts::enable_and_hlt() }
    }
}

/// The time stamp counter as a clock. It must run at a constant rate: CPUID 80000007h:EDX bit 8,
/// "invariant TSC". Under QEMU it does.
#[derive(Clone, Copy, Debug)]
pub struct TscClock {
    frequency: NonZeroU64,
}

impl TscClock {
    /// The clock of a counter that advances `frequency` times per second.
    pub const fn new(frequency: NonZeroU64) -> Self {
        Self { frequency }
    }
}

impl Clock for TscClock {
    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: RDTSC reads a counter and touches nothing else. Every x86_64 CPU has it.
        unsafe { core::arch::x86_64::_rdtsc() }
    }

    #[inline(always)]
    fn frequency(&self) -> u64 {
        self.frequency.get()
    }
}

#[cfg(all(feature = "critical-section-single-core", target_os = "none"))]
mod single_core {
    use super::interrupts;

    struct SingleCore;

    critical_section::set_impl!(SingleCore);

    // SAFETY: the binary that enables the feature runs on one core, in ring 0: while interrupts are
    // off, nothing else runs. `release` restores the state that `acquire` found, so sections nest.
    // In the `x86_64` crate `cli` and `sti` are compiler barriers.
    unsafe impl critical_section::Impl for SingleCore {
        unsafe fn acquire() -> bool {
            let enabled = interrupts::are_enabled();
            interrupts::disable();
            enabled
        }

        unsafe fn release(enabled: bool) {
            if enabled {
                interrupts::enable();
            }
        }
    }
}
