//! The sleep of the CPU that the program is built for, over the crate of its field.

use core::hint::spin_loop;

use crate::block::{Idle, WithAlarm};

// Each file is one architecture: whether interrupts are enabled, and the sleep of a caller whose
// interrupts are.
#[cfg_attr(target_arch = "arm", path = "cortex_m.rs")]
#[cfg_attr(any(target_arch = "riscv32", target_arch = "riscv64"), path = "riscv.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
mod cpu;

/// Waits asleep until an interrupt: the CPU's own sleep, chosen by the target.
///
/// It checks for news with interrupts held off, and sleeps so that an interrupt in between still
/// ends the sleep. If the caller has masked interrupts, it spins instead.
///
/// | feature | on | sleeps by | masked is |
/// |---|---|---|---|
/// | `x86_64` | x86_64 in ring 0, bare metal or UEFI | `sti; hlt` | RFLAGS.IF clear |
/// | `cortex-m` | Cortex-M | `cpsid i`, `wfi`, `cpsie i` | PRIMASK set |
/// | `riscv` | RISC-V in machine mode | `mstatus.MIE` clear, `wfi` | `mstatus.MIE` clear |
///
/// The instructions are privileged: elsewhere than in that mode they fault or do nothing.
///
/// # With a priority mask
/// BASEPRI, the priority of a running handler and the threshold of an interrupt controller also hold
/// interrupts off, and what they hold off does not end the sleep. A caller under such a mask is woken
/// only by an interrupt of a higher priority. Let it spin, or wait with a bound.
///
/// # On several cores
/// Problem: the sleep ends with an interrupt on its own core, and a signal from another core is not
/// an interrupt. Rule: after the signal, the signalling core sends the sleeping core an interrupt
/// (x86's IPI, RISC-V's `msip`).
/// - A handler sends it after it has dropped its [`Stepped`](crate::job::Stepped) or
///   [`OwedWake`](crate::event::OwedWake).
/// - Code that unlocks a mutex or moves a value through a channel sends it after that.
/// - For a task that awaits, only the executor sends it, in the function that its wakers call.
///
/// The handler of that interrupt only acknowledges it. The sleeping core checks for news with
/// interrupts off. So either it sees the signal, or the interrupt arrives later and ends the sleep.
/// One that is sent before the signal may arrive too early.
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
        if cpu::has_masked_interrupts() {
            return spin_loop();
        }
        cpu::sleep_unless(news);
    }
}
