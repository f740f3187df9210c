//! What the machine is, and what the loader told it.

use common::{command_line::CommandLine, once::Once};

use crate::{can::Card, edu::Edu, hvm::MemoryMap, interrupts::Controller, machine::Machine, pci};

/// What this machine is, and what it was told.
pub struct Board {
    /// Which of QEMU's machines it is.
    pub machine: Machine,
    /// Which interrupt controller the lines go through: `irq=pic` or `irq=apic` on the command
    /// line, `apic` if not given.
    pub controller: Controller,
    /// What follows `-append`.
    pub command_line: CommandLine,
    /// Which addresses are memory.
    pub memory: MemoryMap,
    /// The PCI bus; `microvm` has none.
    pub pci: Option<pci::Bus>,
    /// QEMU's teaching device, if it is plugged in.
    pub edu: Option<Edu>,
    /// The cards with CAN controllers, if they are plugged in.
    pub can: [Option<Card>; 2],
}

static BOARD: Once<Board> = Once::new();

/// The board. A handler, which is given no reference to it, calls this too.
///
/// # Panics
/// Before the board has called the main function; no code of a binary runs then.
#[must_use]
pub fn board() -> &'static Board {
    BOARD.get().expect("the board is set up")
}

/// From here on [`board`] returns this one.
pub(crate) fn install(board: &'static Board) {
    BOARD.set(board);
}
