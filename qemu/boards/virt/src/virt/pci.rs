//! The PCI bus: the devices on bus 0, where their registers are, and which line each interrupts on.
//! There is no firmware, so the board assigns the addresses.
//!
//! Invariant: the configuration space of bus 0 and the window of I/O addresses are mapped for ever. A
//! device touches memory only from [`Function::enable`] on.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::interrupts::{Intx, Line, Source};

/// Bus 0.
#[derive(Clone, Copy, Debug)]
pub struct Bus(());

/// One function of a device.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Number of the device, 0 to 31.
    pub device: u8,
    /// Number of the function, 0 to 7.
    pub function: u8,
}

/// What a base address register says, as an address of the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaseAddress {
    /// Registers in memory, at this address.
    Memory(u64),
    /// Registers in the window of I/O addresses, at this address.
    Io(usize),
}

const ECAM: usize = 0x3000_0000;
/// Where the window of I/O addresses begins.
const IO: usize = 0x0300_0000;
/// Where the first device with I/O addresses has them.
pub(crate) const FIRST_IO: usize = IO + 0x1000;
/// Where the window of memory addresses begins.
const MEMORY: u32 = 0x4000_0000;

const VENDOR_DEVICE: u16 = 0x00;
const COMMAND: u16 = 0x04;
const HEADER_TYPE: u16 = 0x0c;
const BASE_ADDRESS: u16 = 0x10;
const INTERRUPT: u16 = 0x3c;

/// Of the command register: the device responds at its I/O addresses, ...
const IO_SPACE: u32 = 1 << 0;
/// ... at its memory addresses, ...
const MEMORY_SPACE: u32 = 1 << 1;
/// ... and may reach memory.
const BUS_MASTER: u32 = 1 << 2;
/// Of the command register: the INTx pin is cut off.
const INTERRUPT_DISABLE: u32 = 1 << 10;
/// Of the status register, in the upper half: the device asks for an interrupt by its INTx pin.
const INTERRUPT_STATUS: u32 = 1 << 19;

/// The devices that share each line, one bit each.
static SHARING: [AtomicU32; 4] = [const { AtomicU32::new(0) }; 4];

/// The bus, after all devices on it were given addresses. Called once, by `start`.
pub(crate) fn start() -> Bus {
    let bus = Bus(());
    let (mut io, mut memory) = ((FIRST_IO - IO) as u32, MEMORY);
    for function in bus.functions() {
        if let Some(Line::Device(Source::Pci(intx))) = function.line() {
            let sharing = &SHARING[usize::from(intx.number())];
            sharing
                .store(sharing.load(Ordering::Relaxed) | 1 << function.device, Ordering::Relaxed);
        }
        let mut number = 0;
        while number < 6 {
            number += function.assign(number, &mut io, &mut memory);
        }
    }
    bus
}

/// Lets the devices on a line that still ask for an interrupt ask again. QEMU 7.2's PLIC sees only that
/// a line rises, and not, when an interrupt is completed, that it is still active (as its
/// specification has it, "Interrupt Gateways"). So each of their pins is cut off and connected again.
#[inline]
pub(crate) fn ask_again(intx: Intx) {
    let sharing = SHARING[usize::from(intx.number())].load(Ordering::Relaxed);
    let asking = devices(sharing).filter(|device| device.read(COMMAND) & INTERRUPT_STATUS != 0);
    let asking = asking.fold(0, |asking, device| asking | 1 << device.device);
    devices(asking).for_each(|device| device.command(|command| command | INTERRUPT_DISABLE));
    devices(asking).for_each(|device| device.command(|command| command & !INTERRUPT_DISABLE));
}

/// The devices of these bits.
fn devices(mut bits: u32) -> impl Iterator<Item = Function> {
    core::iter::from_fn(move || {
        let device = bits.checked_ilog2()? as u8;
        bits &= !(1 << device);
        Some(Function { device, function: 0 })
    })
}

impl Bus {
    /// Where the configuration space is that devices share with the processor: 4 KiB a function.
    #[must_use]
    pub const fn ecam(self) -> Option<usize> {
        Some(ECAM)
    }

    /// All functions of all devices.
    pub fn functions(self) -> impl Iterator<Item = Function> {
        (0..32).flat_map(|device| {
            let first = Function { device, function: 0 };
            let several = first.id().is_some() && first.read(HEADER_TYPE) & 1 << 23 != 0;
            (0..if several { 8 } else { 1 })
                .map(move |function| Function { device, function })
                .filter(|function| function.id().is_some())
        })
    }

    /// The first function with this vendor and device identification.
    #[must_use]
    pub fn find(self, vendor: u16, device: u16) -> Option<Function> {
        self.functions().find(|function| function.id() == Some((vendor, device)))
    }
}

impl Function {
    /// Vendor and device identification; `None` if nothing is there.
    #[must_use]
    pub fn id(&self) -> Option<(u16, u16)> {
        let both = self.read(VENDOR_DEVICE);
        (both != u32::MAX).then_some((both as u16, (both >> 16) as u16))
    }

    /// Base address register 0 to 5; `None` if it holds no address.
    ///
    /// # Panics
    /// If the number is past 5.
    #[must_use]
    pub fn base_address(&self, number: u8) -> Option<BaseAddress> {
        assert!(number < 6, "there are 6 base address registers");
        let offset = base_address(number);
        let low = self.read(offset);
        if low & !0xf == 0 {
            None
        } else if low & 1 != 0 {
            Some(BaseAddress::Io(IO + (low & !3) as usize))
        } else {
            let high = if is_wide(low) && number < 5 { self.read(offset + 4) } else { 0 };
            Some(BaseAddress::Memory(u64::from(high) << 32 | u64::from(low & !15)))
        }
    }

    /// Makes the device respond at its addresses and lets it access memory by itself. Its driver is
    /// responsible for what it does there.
    pub fn enable(&self) {
        self.command(|command| command | IO_SPACE | MEMORY_SPACE | BUS_MASTER);
    }

    /// Keeps the device from memory until [`enable`](Self::enable). Tests use it as a fault.
    pub fn cut_off(&self) {
        self.command(|command| command & !BUS_MASTER);
    }

    fn command(&self, change: impl FnOnce(u32) -> u32) {
        critical_section::with(|_| {
            // The upper half is the status register, where writing zeros changes nothing.
            self.write(COMMAND, change(self.read(COMMAND) & 0xffff));
        });
    }

    /// The line of its INTx pin; `None` if it has no pin.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        let [_, pin, ..] = self.read(INTERRUPT).to_le_bytes();
        let intx = (1..=4).contains(&pin).then(|| Intx::of(self.device, pin))?;
        Some(Line::Device(Source::Pci(intx)))
    }

    /// Gives base address register `number` the next address that is free, and returns how many
    /// registers that took.
    fn assign(&self, number: u8, io: &mut u32, memory: &mut u32) -> u8 {
        let offset = base_address(number);
        self.write(offset, u32::MAX);
        // The bits that the device keeps 0 say how large it is.
        let mask = self.read(offset);
        let (next, flags) = if mask & 1 != 0 { (io, 3) } else { (memory, 15) };
        let size = (mask & !flags).wrapping_neg();
        // The upper half of an I/O register may be fixed at 0.
        let size = if flags == 3 { size & 0xffff } else { size };
        if size != 0 {
            *next = next.next_multiple_of(size);
            self.write(offset, *next);
            *next += size;
        }
        if mask & 1 == 0 && is_wide(mask) {
            self.write(offset + 4, 0);
            return 2;
        }
        1
    }

    fn read(&self, offset: u16) -> u32 {
        // SAFETY: by the invariant of the module; reading has no effect on memory.
        unsafe { self.register(offset).read_volatile() }
    }

    /// Only for registers with no effect on memory.
    fn write(&self, offset: u16, value: u32) {
        // SAFETY: by the invariant of the module, and by the condition above.
        unsafe { self.register(offset).write_volatile(value) }
    }

    fn register(&self, offset: u16) -> *mut u32 {
        let function = usize::from(self.device) << 15 | usize::from(self.function) << 12;
        (ECAM + function + usize::from(offset)) as *mut u32
    }
}

const fn base_address(number: u8) -> u16 {
    BASE_ADDRESS + 4 * number as u16
}

/// Whether an address in memory takes two registers.
const fn is_wide(register: u32) -> bool {
    register >> 1 & 3 == 2
}
