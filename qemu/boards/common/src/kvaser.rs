//! Kvaser's PCI card with one CAN controller, an SJA1000 (`-device kvaser_pci`). Its addresses are I/O
//! addresses: base address register 0 has the PCI bridge (AMCC S5920), 1 the controller.

/// Vendor and device identification on the PCI bus.
pub const ID: (u16, u16) = (0x10e8, 0x8406);

/// The register of the bridge, of 32 bits, that lets the controller's interrupt through, ...
pub const INTERRUPT_CONTROL: u8 = 0x38;
/// ... if it has this value.
pub const LET_THROUGH: u32 = 1 << 13;

/// The number of the controller's registers, a byte each.
pub const REGISTERS: u8 = 32;
