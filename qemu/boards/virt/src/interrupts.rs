//! Interrupts: lines, their handlers, and what was taken.
//!
//! A handler does three things, in this order: it quiets its device, it calls
//! [`Line::acknowledge`], and only then it wakes a waiter. So the board acknowledges nothing by
//! itself. Handlers run with interrupts masked and do not nest.
//!
//! | line | how it comes | trigger |
//! |---|---|---|
//! | `Timer` | CLINT, time past the compare register | once for each alarm: the board quiets it |
//! | `Software` | CLINT, [`raise_self`] | once: the board takes it back |
//! | `Device` | PLIC, one of the machine's sources | [`Source`] says it |

use common::interrupts::{Counts, Slot};
use riscv::{
    interrupt::Interrupt,
    register::{mepc, mie, mstatus},
};

use crate::{
    alarm, clint,
    counter::now,
    exit::{self, Failure},
    plic,
};

pub use crate::machine::source::*;
pub use riscv::interrupt::{disable, free as without_interrupts};

/// Whether a line of high priority interrupts the handler of one of low priority.
pub const NESTS: bool = false;

/// Something that interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Line {
    /// The CLINT's timer.
    Timer,
    /// An interrupt that the processor sends to itself: [`raise_self`].
    Software,
    /// A device.
    Device(Source),
}

/// Called with the line that interrupted, interrupts masked.
pub type Handler = fn(Line);

static SLOTS: [Slot<Line>; 2 + Source::COUNT] = [const { Slot::new() }; 2 + Source::COUNT];
static COUNTS: Counts = Counts::new();

impl Line {
    const fn slot(self) -> &'static Slot<Self> {
        match self {
            Self::Timer => &SLOTS[0],
            Self::Software => &SLOTS[1],
            Self::Device(source) => &SLOTS[2 + source.index()],
        }
    }

    /// Installs the handler; a line has one. Before [`enable`](Self::enable): an interrupt without
    /// a handler ends the run.
    pub fn set_handler(self, handler: Handler) {
        self.slot().set_handler(handler);
    }

    /// Lets the line interrupt. What it asked for while it was disabled comes now.
    pub fn enable(self) {
        match self {
            Self::Timer => alarm::set_enabled(true),
            // SAFETY: no code takes this bit for a critical section.
            Self::Software => unsafe { mie::set_msoft() },
            Self::Device(source) => plic::set_enabled(source.number(), true),
        }
    }

    /// Keeps the line from interrupting.
    pub fn disable(self) {
        match self {
            Self::Timer => alarm::set_enabled(false),
            // SAFETY: as in `enable`.
            Self::Software => unsafe { mie::clear_msoft() },
            Self::Device(source) => plic::set_enabled(source.number(), false),
        }
    }

    /// Tells the controller that the interrupt is handled. The line's handler calls this once for each
    /// of its own calls, after it has quieted the device.
    #[inline]
    pub fn acknowledge(self) {
        if let Self::Device(source) = self {
            plic::complete(source.number());
            source.ask_again();
        }
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
    // SAFETY: code that must not be interrupted is in a critical section, which masks and unmasks by
    // itself.
    unsafe { riscv::interrupt::enable() };
}

/// Whether interrupts are let in.
#[inline(always)]
#[must_use]
pub fn are_enabled() -> bool {
    mstatus::read().mie()
}

/// Interrupts taken on all lines together.
#[must_use]
pub fn taken() -> u64 {
    COUNTS.taken()
}

/// Time spent in handlers, in units of the counter: instructions, under `-icount`.
#[must_use]
pub fn spent() -> u64 {
    COUNTS.spent()
}

/// The most handlers that ever ran inside one another; 1 as long as no handler unmasks interrupts.
#[must_use]
pub fn deepest() -> u64 {
    COUNTS.deepest()
}

/// The address of the instruction that the last interrupt came before.
#[must_use]
pub fn interrupted() -> usize {
    COUNTS.interrupted()
}

/// Raises [`Line::Software`], if it is enabled.
pub fn raise_self() {
    if mie::read().msoft() {
        clint::set_software(true);
    }
}

/// Brings the controllers to a known state, every line disabled. Called once, by `start`, interrupts
/// masked.
pub(crate) fn start() {
    clint::set_software(false);
    plic::start();
    // SAFETY: as in `Line::enable`.
    unsafe { mie::set_mext() };
}

/// Called by `riscv-rt` only.
// SAFETY (of the name): `riscv-rt` calls it with exactly this type.
#[unsafe(export_name = "_dispatch_core_interrupt")]
extern "C" fn dispatch(code: usize) {
    // A handler may let interrupts in, and these overwrite both.
    let (place, status) = (mepc::read(), mstatus::read());
    let line = match code {
        TIMER => {
            alarm::on_interrupt();
            Some(Line::Timer)
        }
        SOFTWARE => {
            clint::set_software(false);
            Some(Line::Software)
        }
        _ => match plic::claim() {
            None => return, // The source has taken it back.
            Some(number) => Source::numbered(number).map(Line::Device),
        },
    };
    if !line.is_some_and(|line| COUNTS.run(line.slot(), line, place, now)) {
        without_handler(line, place);
    }
    disable();
    // SAFETY: interrupts are masked, and this is what the processor wrote there when it came here.
    unsafe {
        mepc::write(place);
        mstatus::write(status);
    }
}

const TIMER: usize = Interrupt::MachineTimer as usize;
const SOFTWARE: usize = Interrupt::MachineSoft as usize;

/// Ends the run.
#[cold]
fn without_handler(line: Option<Line>, place: usize) -> ! {
    // SAFETY: the run ends here.
    unsafe { exit::alone() };
    defmt::error!("interrupt without a handler: {}, mepc {=usize:#x}", line, place);
    exit::failure(Failure::Interrupt)
}
