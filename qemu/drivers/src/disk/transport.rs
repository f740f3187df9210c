//! Where the disk is: on the PCI bus, whose configuration space is in memory.

use core::ptr;

use board::{board, interrupts::Line};
use virtio_drivers::transport::pci::{
    PciTransport,
    bus::{Cam, DeviceFunction, MmioCam, PciRoot},
};

use super::memory::Board;

/// The way to the machine's disk, and its interrupt line; `None` if it has none. For the one driver
/// of it.
pub fn find() -> Option<(PciTransport, Line)> {
    /// A transitional device, and a modern one.
    const IDS: [(u16, u16); 2] = [(0x1af4, 0x1001), (0x1af4, 0x1042)];

    let bus = board().pci?;
    let ecam = bus.ecam()?;
    let function = IDS.iter().find_map(|id| bus.find(id.0, id.1))?;
    let line = function.line()?;
    function.enable();
    // SAFETY: the configuration space, which the board keeps mapped for ever.
    let access = unsafe { MmioCam::new(ptr::with_exposed_provenance_mut(ecam), Cam::Ecam) };
    let place = DeviceFunction { bus: 0, device: function.device, function: function.function };
    let transport = PciTransport::new::<Board, _>(&mut PciRoot::new(access), place).ok()?;
    Some((transport, line))
}
