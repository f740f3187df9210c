//! QEMU's `virt`: a 16550, and a PCI bus with the rest.

mod board;
pub mod can;
pub mod edu;
pub mod pci;
pub mod serial;
pub(crate) mod source;
pub(crate) mod timer;

pub use board::Board;
pub(crate) use serial::{drain, log, report};

/// The board's name, as the host's commands have it.
pub const NAME: &str = if cfg!(target_has_atomic = "32") { "virt" } else { "virt-imc" };

/// Lets the log and the report out. Called once, by `start`.
pub(crate) fn start() -> pci::Bus {
    let bus = pci::start();
    serial::start(&bus);
    bus
}

/// Ends QEMU with this exit code.
pub(crate) fn exit(code: u8) {
    const TEST: *mut u32 = 0x0010_0000 as *mut u32;
    /// QEMU exits with the code in the upper half.
    const EXIT: u32 = 0x3333;

    // SAFETY: the register of the test device.
    unsafe { TEST.write_volatile(u32::from(code) << 16 | EXIT) };
}
