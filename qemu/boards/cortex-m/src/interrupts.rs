//! Interrupts: lines, their handlers and priorities, and what was taken.
//!
//! A handler does two things, in this order: it quiets its device, and only then it wakes a waiter.
//! The NVIC wants no acknowledgement; [`Line::acknowledge`] is there for handlers that run on other
//! boards, too. A handler runs with interrupts enabled: a line of [`Priority::High`] interrupts the
//! handler of one of [`Priority::Low`]. Lines of the same priority do not interrupt each other.

use core::{
    arch::{asm, global_asm},
    sync::atomic::{AtomicBool, Ordering},
};

use common::interrupts::{Counts, Slot};
use cortex_m::{
    Peripherals, asm as instruction, interrupt as primask,
    interrupt::InterruptNumber,
    peripheral::{NVIC, SCB, scb::SystemHandler},
    register,
};
use cortex_m_rt::ExceptionFrame;

use crate::{
    alarm, counter, exceptions,
    exit::{self, Failure},
};

/// Whether a line of high priority interrupts the handler of one of low priority.
pub const NESTS: bool = true;

/// How many inputs of the NVIC there are at most: as many as vectors of [`cortex_m_rt`].
const IRQS: usize = if cfg!(target_has_atomic = "32") { 240 } else { 32 };

/// Something that interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Line {
    /// SysTick.
    Timer,
    /// An interrupt that the processor sends to itself: [`raise_self`]. It is PendSV.
    Software,
    /// A device's input of the NVIC: [`Line::irq`].
    Irq(Irq),
}

/// The number of an input of the NVIC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub struct Irq(u8);

// SAFETY: a number is below `IRQS`, and stays the same.
unsafe impl InterruptNumber for Irq {
    fn number(self) -> u16 {
        self.0.into()
    }
}

/// Which handlers a line interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Priority {
    /// None.
    Low,
    /// Those of lines of low priority.
    High,
}

/// Called with the line that interrupted.
pub type Handler = fn(Line);

/// The timer's, the software's, and one for each input.
static SLOTS: [Slot<Line>; 2 + IRQS] = [const { Slot::new() }; 2 + IRQS];
static COUNTS: Counts = Counts::new();
static SOFTWARE_ENABLED: AtomicBool = AtomicBool::new(false);

impl Line {
    /// The line of input `number` of the NVIC. `None` if there is no such input.
    #[must_use]
    pub const fn irq(number: u8) -> Option<Self> {
        if (number as usize) < IRQS { Some(Self::Irq(Irq(number))) } else { None }
    }

    /// The line of an exception number; `None` for an exception that is no interrupt.
    fn from_exception(number: u16) -> Option<Self> {
        match number {
            14 => Some(Self::Software),
            15 => Some(Self::Timer),
            _ => Self::irq(u8::try_from(number.checked_sub(16)?).ok()?),
        }
    }

    fn slot(self) -> &'static Slot<Self> {
        match self {
            Self::Timer => &SLOTS[0],
            Self::Software => &SLOTS[1],
            Self::Irq(Irq(number)) => &SLOTS[2 + usize::from(number)],
        }
    }

    /// Installs the handler; a line has one. Before [`enable`](Self::enable): an interrupt without
    /// a handler ends the run.
    pub fn set_handler(self, handler: Handler) {
        self.slot().set_handler(handler);
    }

    /// Lets the line interrupt. The input of a device remembers an edge that came while the line was
    /// disabled; the others do not.
    pub fn enable(self) {
        match self {
            Self::Timer => alarm::set_enabled(true),
            Self::Software => SOFTWARE_ENABLED.store(true, Ordering::Relaxed),
            // SAFETY: no critical section relies on single inputs being masked.
            Self::Irq(irq) => unsafe { NVIC::unmask(irq) },
        }
    }

    /// Keeps the line from interrupting.
    pub fn disable(self) {
        match self {
            Self::Timer => {
                alarm::set_enabled(false);
                SCB::clear_pendst();
            }
            Self::Software => {
                SOFTWARE_ENABLED.store(false, Ordering::Relaxed);
                SCB::clear_pendsv();
            }
            Self::Irq(irq) => NVIC::mask(irq),
        }
        // The next instruction is not interrupted by it.
        instruction::dsb();
        instruction::isb();
    }

    /// Does nothing: the NVIC is told by the handler's return.
    #[inline]
    pub fn acknowledge(self) {}

    /// Chooses which handlers the line interrupts. At first none: all lines are [`Priority::Low`].
    pub fn set_priority(self, priority: Priority) {
        // Cortex-M0 has the upper two bits of a priority, others have more.
        let priority = match priority {
            Priority::Low => 0xc0,
            Priority::High => 0x40,
        };
        critical_section::with(|_| {
            // SAFETY: no critical section relies on priorities, and where the registers share a word,
            // nothing comes between its reading and its writing.
            unsafe {
                let mut peripherals = Peripherals::steal();
                match self {
                    Self::Timer => {
                        peripherals.SCB.set_priority(SystemHandler::SysTick, priority);
                    }
                    Self::Software => {
                        peripherals.SCB.set_priority(SystemHandler::PendSV, priority);
                    }
                    Self::Irq(irq) => peripherals.NVIC.set_priority(irq, priority),
                }
            }
        });
    }

    /// How often it has interrupted.
    #[must_use]
    pub fn taken(self) -> u64 {
        self.slot().taken()
    }
}

/// Lets interrupts in.
#[inline(always)]
pub fn enable() {
    // SAFETY: like everything that unmasks interrupts, it is not called in a critical section.
    unsafe { primask::enable() }
}

/// Keeps interrupts out.
#[inline(always)]
pub fn disable() {
    primask::disable();
}

/// Whether interrupts come in. A handler keeps out those of its own priority besides.
#[inline(always)]
#[must_use]
pub fn are_enabled() -> bool {
    register::primask::read().is_active()
}

/// Runs `f` with interrupts masked.
#[inline]
pub fn without_interrupts<T>(f: impl FnOnce() -> T) -> T {
    primask::free(|_| f())
}

/// Raises [`Line::Software`], if it is enabled.
pub fn raise_self() {
    if SOFTWARE_ENABLED.load(Ordering::Relaxed) {
        SCB::set_pendsv();
        // With interrupts enabled it is taken before the next instruction.
        instruction::dsb();
        instruction::isb();
    }
}

/// Interrupts taken on all lines together.
#[must_use]
pub fn taken() -> u64 {
    COUNTS.taken()
}

/// Time spent in handlers, in ticks of the counter.
#[must_use]
pub fn spent() -> u64 {
    COUNTS.spent()
}

/// The most handlers that ever ran inside one another.
#[must_use]
pub fn deepest() -> u64 {
    COUNTS.deepest()
}

/// The address of the instruction that the last interrupt came before.
#[must_use]
pub fn interrupted() -> usize {
    COUNTS.interrupted()
}

/// Every line of low priority and disabled. Called once, by `start`.
pub(crate) fn start() {
    for line in [Line::Timer, Line::Software] {
        line.set_priority(Priority::Low);
    }
    for number in 0..IRQS {
        Line::Irq(Irq(number as u8)).set_priority(Priority::Low);
    }
}

// Everything comes here: the vector table of `cortex_m_rt` has these two names for what has no handler
// of its own. The processor's frame is on top of the stack.
global_asm!(
    ".section .text.vector, \"ax\", %progbits",
    ".global DefaultHandler",
    ".type DefaultHandler, %function",
    ".global HardFault",
    ".type HardFault, %function",
    ".thumb_func",
    "HardFault:",
    ".thumb_func",
    "DefaultHandler:",
    "mov r0, sp",
    "ldr r1, ={dispatch}",
    "bx r1",
    ".ltorg",
    dispatch = sym dispatch,
);

/// # Safety
/// Called by `DefaultHandler` only, with the processor's frame.
unsafe extern "C" fn dispatch(frame: &ExceptionFrame) {
    let number: u16;
    // SAFETY: reads which exception it is.
    unsafe { asm!("mrs {}, IPSR", out(reg) number, options(nomem, nostack, preserves_flags)) };
    let Some(line) = Line::from_exception(number) else {
        exceptions::fail(number as u8, frame);
    };
    if !COUNTS.run(line.slot(), line, frame.pc() as usize, counter::now) {
        without_handler(line, frame);
    }
}

/// Ends the run.
#[cold]
fn without_handler(line: Line, frame: &ExceptionFrame) -> ! {
    // SAFETY: the run ends here.
    unsafe { exit::alone() };
    defmt::error!("interrupt without a handler: {}, pc {=u32:#x}", line, frame.pc());
    exit::failure(Failure::Interrupt)
}
