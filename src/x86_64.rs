//! x86_64 in ring 0: race-free sleep, the time stamp counter as a clock, and the critical section
//! of a one-core binary.

use core::{hint::spin_loop, num::NonZeroU64};

use ::x86_64::instructions::interrupts;

use crate::{
    block::{Idle, WithAlarm},
    time::Clock,
};

/// Passes the time asleep (`sti; hlt`) until an interrupt.
///
/// The news is checked with interrupts off, and `sti` takes effect only after the instruction that
/// follows it, the `hlt` (Intel SDM vol. 2, STI): an interrupt in between wakes it. With interrupts
/// masked by the caller it spins instead. The instructions are privileged: outside ring 0 this
/// faults.
///
/// # On several cores
/// `hlt` ends with an interrupt on its own core, and a signal from another core is none. So who
/// signals there sends the sleeper's core an interrupt (an IPI) after the signal: a handler after
/// it has dropped its [`Stepped`](crate::job::Stepped) or [`OwedWake`](crate::event::OwedWake), whoever frees
/// a mutex or moves a value through a channel after that, an executor in what its wakers call (for
/// a task that awaits, nobody else has to). The IPI's handler need not do anything. The sleeper
/// looks for news with interrupts off, so it sees the signal, or the IPI is still to come and ends
/// the sleep. Sent before the signal, it may come too early.
#[derive(Clone, Copy, Debug, Default)]
pub struct Park;

impl Park {
    /// The same sleep with an alarm, for waiting with a deadline.
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

/// The time stamp counter. It must run at a constant rate (CPUID 80000007h:EDX bit 8, "invariant
/// TSC"; under QEMU it does).
#[derive(Clone, Copy, Debug)]
pub struct TscClock {
    frequency: NonZeroU64,
}

impl TscClock {
    /// The counter, which advances `frequency` times per second.
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

    // SAFETY: the binary that turned the feature on has one core, in ring 0: with its interrupts
    // off nothing else runs. The state that is restored is the one found, so sections nest. `cli`
    // and `sti` are compiler barriers in the `x86_64` crate.
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
