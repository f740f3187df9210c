//! The PC, the one board on which the user chooses: QEMU's machine, the CPU, the interrupt controller.

use clap::ValueEnum;

/// A machine that QEMU emulates.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Machine {
    /// A PC of 2009: PCI Express
    #[default]
    Q35,
    /// A PC of 1996: PCI
    Pc,
    /// Next to nothing: no PCI
    Microvm,
}

impl Machine {
    /// QEMU's options for it, with the second serial port.
    pub fn options(self) -> &'static str {
        match self {
            // Without the SATA controller, on which the PC's firmware spends half a second.
            Self::Q35 => "-machine q35,sata=off -serial chardev:com2 -device edu",
            Self::Pc => "-machine pc -serial chardev:com2 -device edu",
            // This machine has only the first serial port by default.
            Self::Microvm => {
                "-machine microvm,pit=on,pic=on,rtc=on,isa-serial=on -device isa-serial,index=1,chardev=com2"
            }
        }
    }
}

/// The CPU model if the user names none.
pub const CPU: &str = "max";

/// The interrupt controller that the guest uses.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Irq {
    /// I/O APIC and local APIC
    #[default]
    Apic,
    /// Two 8259s
    Pic,
}

impl Irq {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Apic, Self::Pic];

    /// Its name on both command lines and in the names of tests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apic => "apic",
            Self::Pic => "pic",
        }
    }
}
