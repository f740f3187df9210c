//! How a run ends.

use ::report::exit;

/// Why a run failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Failure {
    /// The program panicked.
    Panic,
    /// The command line makes no sense.
    CommandLine,
    /// An interrupt came that has no handler.
    Interrupt,
    /// The program cannot run on this machine, or not with what it found there.
    Refused,
    /// The processor took an exception of this number: the vector on x86, the exception number on
    /// Cortex-M, the cause on RISC-V.
    Exception(u8),
}

impl Failure {
    /// The exit code of the run.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Panic => exit::PANIC,
            Self::CommandLine => exit::COMMAND_LINE,
            Self::Interrupt => exit::INTERRUPT,
            Self::Refused => exit::REFUSED,
            Self::Exception(number) => exit::exception(number),
        }
    }
}
