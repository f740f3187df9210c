//! What the machine is, and what the host told it.

use common::command_line::CommandLine;

use super::{
    can::{self, Card},
    edu::{self, Edu},
    pci,
};

/// What this machine is, and what it was told.
#[derive(Debug)]
pub struct Board {
    /// What the host gave as `arg=` of `-semihosting-config`.
    pub command_line: CommandLine,
    /// The PCI bus; there is always one.
    pub pci: Option<pci::Bus>,
    /// QEMU's teaching device, if it is plugged in.
    pub edu: Option<Edu>,
    /// The cards with CAN controllers, if they are plugged in.
    pub can: [Option<Card>; 2],
}

impl Board {
    /// Called once, by `start`.
    pub(crate) fn find(command_line: CommandLine, pci: pci::Bus) -> Self {
        Self { command_line, pci: Some(pci), edu: edu::find(&pci), can: can::find(&pci) }
    }
}
