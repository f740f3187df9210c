//! Where the disk is: on the PCI bus of `q35`.

use core::ptr;

use board::{Machine, board, interrupts::Line};
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
    /// Where SeaBIOS puts the configuration space of q35.
    const ECAM: usize = 0xb000_0000;

    let bus = board().pci.filter(|_| board().machine == Machine::Q35)?;
    let function = IDS.iter().find_map(|id| bus.find(id.0, id.1))?;
    let line = function.line()?;
    function.enable();
    // SAFETY: 256 MiB of configuration space, mapped by `boot`.
    let access = unsafe { MmioCam::new(ptr::with_exposed_provenance_mut(ECAM), Cam::Ecam) };
    let place = DeviceFunction { bus: 0, device: function.device, function: function.function };
    let transport = PciTransport::new::<Board, _>(&mut PciRoot::new(access), place).ok()?;
    Some((transport, line))
}
