//! Where the disk is: on the PCI bus, whose configuration space is in memory.

use core::ptr::{self, NonNull};

use board::{board, interrupts::Line, pci::BaseAddress};
use virtio_drivers::{
    BufferDirection, Hal, PhysAddr,
    transport::pci::{
        PciTransport,
        bus::{Cam, ConfigurationAccess, DeviceFunction, MmioCam, PciRoot},
    },
};

/// The machine's disk.
#[derive(Debug)]
pub struct Found {
    /// The way to the device.
    pub transport: PciTransport,
    /// Where it is told of a request.
    pub doorbell: Doorbell,
    /// Its interrupt line.
    pub line: Line,
}

/// Finds the machine's disk; `None` if it has none.
///
/// # Safety
/// Nothing else drives the disk as long as what this returns is used: by it the device is reset, and
/// told which memory is its own.
pub unsafe fn find() -> Option<Found> {
    /// A transitional device, and a modern one.
    const IDS: [(u16, u16); 2] = [(0x1af4, 0x1001), (0x1af4, 0x1042)];

    let bus = board().pci?;
    let ecam = bus.ecam()?;
    let function = IDS.iter().find_map(|id| bus.find(id.0, id.1))?;
    let line = function.line()?;
    function.enable();
    // SAFETY: the configuration space, which the board keeps mapped for ever.
    let access = unsafe { MmioCam::new(ptr::with_exposed_provenance_mut(ecam), Cam::Ecam) };
    // SAFETY: it reads the capabilities, which are constant.
    let reader = unsafe { access.unsafe_clone() };
    let place = DeviceFunction { bus: 0, device: function.device, function: function.function };
    let mut root = PciRoot::new(access);

    // The registers of a kind (virtio 1.2, 4.1.4): their address, and the capability that says so.
    let registers = |kind: u16| {
        let mut capabilities = root.capabilities(place);
        let capability = capabilities.find(|c| c.id == 9 && c.private_header >> 8 == kind)?.offset;
        let [number, offset] = [4, 8].map(|word| reader.read_word(place, capability + word));
        let BaseAddress::Memory(base) = function.base_address(number as u8)? else { return None };
        Some((base as usize + offset as usize, capability))
    };
    let (common, _) = registers(1)?;
    let (notify, capability) = registers(2)?;
    // SAFETY: the device's common registers, in which these two are at 16h and 1Eh (4.1.4.3).
    let offset = unsafe {
        ptr::with_exposed_provenance_mut::<u16>(common + 0x16).write_volatile(0);
        ptr::with_exposed_provenance::<u16>(common + 0x1e).read_volatile()
    };
    let multiplier = reader.read_word(place, capability + 16);
    let doorbell = Doorbell { register: notify + usize::from(offset) * multiplier as usize };
    let transport = PciTransport::new::<Board, _>(&mut root, place).ok()?;
    Some(Found { transport, doorbell, line })
}

/// Where the device is told that queue 0 has a request.
///
/// [`PciTransport`]'s own `notify` asks the device for this place each time: it stores the number of
/// the queue, waits for the answer of the bus, and then stores the same number again.
#[derive(Debug)]
pub struct Doorbell {
    // The register of a device that stays mapped for ever.
    register: usize,
}

impl Doorbell {
    /// Tells the device. What it then does with the memory of its queue is what was submitted.
    #[inline]
    pub fn ring(&self) {
        let register = ptr::with_exposed_provenance_mut::<u16>(self.register);
        // SAFETY: by the invariant of the field; the device does what the queue says, whether it is
        // told or not.
        unsafe { register.write_volatile(0) };
    }
}

/// What the transport asks of a platform. Addresses are the same for the processor and for a device.
enum Board {}

// SAFETY: it gives out no memory; a queue is not made with it.
unsafe impl Hal for Board {
    fn dma_alloc(_: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        (0, NonNull::dangling()) // None, as the crate has it.
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _: usize) -> NonNull<u8> {
        NonNull::new(ptr::with_exposed_provenance_mut(address as usize))
            .expect("no register is at address 0")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.addr().get() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
