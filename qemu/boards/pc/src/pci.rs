//! The PCI bus: the devices on bus 0, where their registers are, and which line each interrupts on.
//! The firmware (SeaBIOS) has assigned the addresses and routed the interrupts; this reads both
//! back.

use x86_64::instructions::port::Port;

use crate::{
    interrupts::{Controller, Intx, Line},
    machine::Machine,
};

/// Bus 0.
#[derive(Clone, Copy, Debug)]
pub struct Bus {
    machine: Machine,
    controller: Controller,
}

/// One function of a device.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    bus: Bus,
    /// Number of the device, 0 to 31.
    pub device: u8,
    /// Number of the function, 0 to 7.
    pub function: u8,
}

/// What a base address register says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaseAddress {
    /// Registers in memory, at this address.
    Memory(u64),
    /// I/O ports, from this one on.
    Io(u16),
}

const VENDOR_DEVICE: u8 = 0x00;
const COMMAND: u8 = 0x04;
const HEADER_TYPE: u8 = 0x0c;
const BASE_ADDRESS: u8 = 0x10;
const INTERRUPT: u8 = 0x3c;

/// Of the command register: the device may reach memory.
const BUS_MASTER: u32 = 1 << 2;

const I440FX: (u16, u16) = (0x8086, 0x1237);
const Q35: (u16, u16) = (0x8086, 0x29c0);

/// The machine, by its host bridge, and its bus.
pub(crate) fn probe(controller: Controller) -> (Machine, Option<Bus>) {
    let bus = |machine| Bus { machine, controller };
    for machine in [Machine::Q35, Machine::Pc] {
        let bridge = if machine == Machine::Q35 { Q35 } else { I440FX };
        if bus(machine).at(0, 0).and_then(|f| f.id()) == Some(bridge) {
            return (machine, Some(bus(machine)));
        }
    }
    (Machine::Microvm, None)
}

impl Bus {
    /// Where the configuration space is in memory, 4 KiB a function; `None` on a machine that has it
    /// behind ports only.
    #[must_use]
    pub const fn ecam(self) -> Option<usize> {
        match self.machine {
            Machine::Q35 => Some(0xb000_0000), // Where SeaBIOS puts it.
            Machine::Pc | Machine::Microvm => None,
        }
    }

    /// All functions of all devices.
    pub fn functions(self) -> impl Iterator<Item = Function> {
        (0..32).flat_map(move |device| {
            let several =
                self.at(device, 0).is_some_and(|first| first.read(HEADER_TYPE) & 1 << 23 != 0);
            (0..if several { 8 } else { 1 }).filter_map(move |function| self.at(device, function))
        })
    }

    /// The first function with this vendor and device identification.
    #[must_use]
    pub fn find(self, vendor: u16, device: u16) -> Option<Function> {
        self.functions().find(|function| function.id() == Some((vendor, device)))
    }

    /// `None` if nothing is there.
    fn at(self, device: u8, function: u8) -> Option<Function> {
        let function = Function { bus: self, device, function };
        function.id().map(|_| function)
    }
}

impl Function {
    /// Vendor and device identification.
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
        let offset = BASE_ADDRESS + 4 * number;
        let low = self.read(offset);
        let address = if low & 1 != 0 {
            BaseAddress::Io((low & !3) as u16)
        } else if low >> 1 & 3 == 2 && number < 5 {
            let high = self.read(offset + 4);
            BaseAddress::Memory(u64::from(high) << 32 | u64::from(low & !15))
        } else {
            BaseAddress::Memory(u64::from(low & !15))
        };
        (!matches!(address, BaseAddress::Memory(0) | BaseAddress::Io(0))).then_some(address)
    }

    /// Makes the device respond at its addresses and lets it access memory by itself. Its driver is
    /// responsible for what it does there.
    pub fn enable(&self) {
        const IO: u32 = 1 << 0;
        const MEMORY: u32 = 1 << 1;
        self.command(|command| command | IO | MEMORY | BUS_MASTER);
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

    /// The line of its INTx pin. `None` if it has no pin, or sits in a slot that the chipset routes
    /// otherwise.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        let [irq, pin, ..] = self.read(INTERRUPT).to_le_bytes();
        let pin = pin.checked_sub(1)?;
        let input = match (self.bus.machine, self.bus.controller) {
            // ICH9: the pins of slots 0 to 24 rotate over PIRQE to PIRQH, which the IOAPIC has at
            // GSI 20 to 23.
            (Machine::Q35, Controller::Apic) if self.device < 25 => 20 + (self.device + pin) % 4,
            (Machine::Q35, Controller::Apic) | (Machine::Microvm, _) => return None,
            // The 8259s, and PIIX3 in either case: where the firmware has routed the pin, which it
            // has noted here.
            (Machine::Q35, Controller::Pic) | (Machine::Pc, _) => irq,
        };
        Intx::new(input).map(Line::Pci)
    }

    fn read(&self, offset: u8) -> u32 {
        critical_section::with(|_| {
            // SAFETY: reading the configuration of a device has no effect on memory.
            unsafe { self.select(offset).read() }
        })
    }

    /// Only for registers with no effect on memory.
    fn write(&self, offset: u8, value: u32) {
        critical_section::with(|_| {
            // SAFETY: by the condition above.
            unsafe { self.select(offset).write(value) }
        });
    }

    /// The data port, after the address was written to the address port. The two ports are a pair,
    /// hence the critical sections.
    fn select(&self, offset: u8) -> Port<u32> {
        let address = 1 << 31
            | u32::from(self.device) << 11
            | u32::from(self.function) << 8
            | u32::from(offset & !3);
        // SAFETY: the configuration mechanism's own ports; where there is none, nothing responds.
        unsafe { Port::<u32>::new(0xcf8).write(address) };
        Port::new(0xcfc)
    }
}
