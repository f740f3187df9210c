//! What the host told the machine.

use common::command_line::CommandLine;

/// What `start` finds: nothing that is not always there.
pub(crate) struct Found;

/// What this machine was told. Its devices are always there.
#[derive(Debug)]
pub struct Board {
    /// What the host gave as `arg=` of `-semihosting-config`.
    pub command_line: CommandLine,
}

impl Board {
    /// Called once, by `start`.
    pub(crate) fn find(command_line: CommandLine, Found: Found) -> Self {
        Self { command_line }
    }
}
