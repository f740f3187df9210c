//! QEMU's teaching device (`-device edu,dma_mask=0xffffffff`: the memory is above what it reaches
//! otherwise): where it is.

pub use common::edu::{Direction, Registers};

use super::pci::{BaseAddress, Bus};
use crate::interrupts::Line;

/// The device.
pub type Edu = common::edu::Edu<Line>;

/// Memory addresses must be below this one.
pub const ADDRESS_LIMIT: u64 = 1 << 32;

/// Called once, by `start`.
pub(crate) fn find(bus: &Bus) -> Option<Edu> {
    let (vendor, device) = common::edu::ID;
    let function = bus.find(vendor, device)?;
    let Some(BaseAddress::Memory(base)) = function.base_address(0) else {
        return None;
    };
    let line = function.line()?;
    function.enable();
    // SAFETY: its registers. This is called once.
    Some(unsafe { Edu::new(base as usize, line) })
}
