//! The vectors that the board gives out. Vectors below [`FIRST`] are the processor's exceptions.

/// The exception for which `segments` has a stack.
pub(crate) const DOUBLE_FAULT: u8 = 8;
/// The vector of IRQ 0 and of GSI 0; those of the others follow it.
pub(crate) const FIRST: u8 = 32;
/// Inputs of the IOAPIC. The 8259 pair has the first 16 of them.
pub(crate) const INPUTS: u8 = 24;
/// The local APIC's timer.
pub(crate) const TIMER: u8 = 0x40;
/// The interrupt that one core sends to the other one.
pub(crate) const IPI: u8 = 0x48;
/// The interrupt that a core sends to itself. Its priority class is higher than all others.
pub(crate) const SELF: u8 = 0x50;
/// The local APIC's spurious vector.
pub(crate) const SPURIOUS: u8 = 0xff;
