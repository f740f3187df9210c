//! x86_64 in ring 0: the time stamp counter as a clock, and the critical section of a one-core
//! binary. The sleep is [`Park`](crate::block::Park).

use core::num::NonZeroU64;

use crate::time::Clock;

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

#[cfg(all(feature = "critical-section-single-core", any(target_os = "none", target_os = "uefi")))]
mod single_core {
    use ::x86_64::instructions::interrupts;

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
