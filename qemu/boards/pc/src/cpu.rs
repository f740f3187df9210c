//! Which core this is. The task register tells the cores apart, since [`segments`](crate::segments)
//! gives the TSS of each core a selector of its own.

use core::{arch::asm, sync::atomic::AtomicBool};

/// One of the two cores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
#[repr(u8)]
pub enum Core {
    /// The core that boots.
    First,
    /// The core that has to be started.
    Second,
}

impl Core {
    pub(crate) const COUNT: usize = 2;

    /// The core that calls this. 1 instruction; none without the feature `second-core`.
    #[inline(always)]
    #[must_use]
    pub fn current() -> Self {
        if cfg!(feature = "second-core") { by_task_register() } else { Self::First }
    }

    /// The other core.
    #[inline]
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// The number of its local APIC, as QEMU numbers them.
    pub(crate) const fn apic_id(self) -> u32 {
        self as u32
    }
}

/// The selector of the second core's TSS.
pub(crate) const SECOND_TASK: u16 = 3 << 3;

/// The first core, until `segments::load` has run.
#[inline(always)]
fn by_task_register() -> Core {
    let task: u16;
    // SAFETY: only reads the task register.
    unsafe { asm!("str {0:x}", out(reg) task, options(nomem, nostack, preserves_flags)) };
    if task == SECOND_TASK { Core::Second } else { Core::First }
}

/// The second core runs.
pub(crate) static SECOND_RUNS: AtomicBool = AtomicBool::new(false);
