//! QEMU's teaching device: where it is.

pub use common::edu::{Direction, Registers};

use crate::{
    interrupts::Line,
    pci::{BaseAddress, Bus},
};

/// The device.
pub type Edu = common::edu::Edu<Line>;

/// Memory addresses must be below this one: the device drives 28 address lines.
pub const ADDRESS_LIMIT: u64 = 1 << 28;

pub(crate) fn find(bus: &Bus) -> Option<Edu> {
    let (vendor, device) = common::edu::ID;
    let function = bus.find(vendor, device)?;
    let Some(BaseAddress::Memory(base)) = function.base_address(0) else {
        return None;
    };
    let line = function.line()?;
    function.enable();
    // SAFETY: its registers, below 4 GiB and so mapped by `start`. This is called once.
    Some(unsafe { Edu::new(base as usize, line) })
}
