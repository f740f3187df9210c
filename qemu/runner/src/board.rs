//! The boards: one row of the table holds everything that the runner knows of a board. To add a board, add
//! a row.

mod exceptions;
mod table;
#[cfg(test)]
mod tests;

pub use self::table::{BOARDS, PC};

/// A board: what it is built with, what emulates it, and what is on it.
#[derive(Debug)]
pub struct Board {
    /// Its name: on the command line, in reports, and of its crate's folder.
    pub name: &'static str,
    /// Its processor, in words.
    pub cpu: &'static str,
    /// The target that its firmware is built for.
    pub target: &'static str,
    /// The feature that chooses it, of its crate and of `board`, if the target chooses another board.
    pub feature: Option<&'static str>,
    /// The compiler's options for that target, apart from the linker.
    pub flags: &'static str,
    /// What links.
    pub linker: Linker,
    /// The QEMU that emulates it.
    pub qemu: Program,
    /// QEMU's options for the machine, apart from [`streams`](Self::streams).
    pub machine: Machine,
    /// What QEMU's monitor sets before the guest starts, since no option can say it: the object, the
    /// property and its value.
    pub prepare: &'static [(&'static str, &'static str, Setting)],
    /// An instruction takes 2 to the power of this many nanoseconds of the guest's time.
    pub shift: u8,
    /// How the guest's byte streams leave it, in the order of [`STREAMS`].
    pub streams: [Attachment; 4],
    /// How the guest gets its command line.
    pub command_line: CommandLine,
    /// The devices that drivers, rows and tests use.
    pub devices: &'static [Device],
    /// Each device that the board lacks, and why.
    pub lacks: &'static [(Device, &'static str)],
    /// The packages that are built for it alone, its own crate first. For every board there are
    /// [`PACKAGES`], too.
    pub packages: &'static [&'static str],
}

/// The value of a property of the machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Setting {
    /// A number.
    Number(i32),
    /// An object, or an input of one, to connect with.
    Object(&'static str),
}

/// A program, and Debian's package that contains it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// The package.
    pub package: &'static str,
}

/// What links a firmware.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Linker {
    /// GNU ld, which is there wherever programs for x86_64 are linked.
    Gnu,
    /// LLVM's linker. Rust's own toolchains contain it and take it by default. Where `core` is built
    /// from Debian's sources, it is Debian's.
    Lld,
}

impl Linker {
    /// Debian's linker of LLVM, of the version that Debian's compiler works with.
    pub const LLD: Program = Program { name: "ld.lld-14", package: "lld-14" };

    /// The program that has to be there, apart from GNU ld, if the toolchain builds `core`.
    pub fn program(self) -> Option<Program> {
        match self {
            Self::Gnu => None,
            Self::Lld => Some(Self::LLD),
        }
    }
}

/// QEMU's options for a machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Machine {
    /// Those of the PC, where the user chooses machine, CPU and interrupt controller (module
    /// [`pc`](crate::pc)).
    Chosen,
    /// Always these.
    Fixed(&'static str),
}

/// The packages that are built for every board.
pub const PACKAGES: [&str; 5] = ["common", "board", "drivers", "firmware", "picture"];

/// The binaries that run on every board. The others are for devices of the PC.
pub const BINARIES: [&str; 7] = ["minimal", "tour", "picture", "tests", "sweep", "soak", "bench"];

/// The names of a guest's byte streams: two serial ports, the log, the reports.
pub const STREAMS: [&str; 4] = ["com1", "com2", "log", "report"];

/// How a byte stream leaves the guest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attachment {
    /// Through a device, by these options of QEMU. They name a character device of the stream's name.
    Device(&'static str),
    /// As the console of semihosting.
    Semihosting,
    /// Through a device, by these options of QEMU, to QEMU's own output. QEMU waits until that is read.
    /// For a device that drops what a socket does not take at once.
    Output(&'static str),
    /// Not at all.
    Absent,
}

/// How the guest gets its command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommandLine {
    /// From QEMU, as a kernel does.
    Append,
    /// By semihosting.
    Semihosting,
}

/// A device that some boards have and others lack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Device {
    /// Two serial ports with a 16550.
    Serial,
    /// A device that reads and writes memory by itself.
    Dma,
    /// QEMU's device for teaching, which computes factorials.
    Edu,
    /// A flash controller that copies flash to memory by itself.
    Flash,
    /// Pins that the host drives.
    Pins,
    /// An I2C bus with targets.
    I2c,
    /// SPI buses with targets.
    Spi,
    /// A virtio disk.
    Disk,
    /// Two CAN controllers on one bus.
    Can,
    /// Persistent memory.
    Nvdimm,
    /// A second core.
    SecondCore,
}

impl Device {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Serial,
        Self::Dma,
        Self::Edu,
        Self::Flash,
        Self::Pins,
        Self::I2c,
        Self::Spi,
        Self::Disk,
        Self::Can,
        Self::Nvdimm,
        Self::SecondCore,
    ];

    /// What it is, in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serial => "two 16550 UARTs",
            Self::Dma => "DMA",
            Self::Edu => "edu",
            Self::Flash => "a flash controller with DMA",
            Self::Pins => "pins",
            Self::I2c => "an I2C bus",
            Self::Spi => "SPI buses",
            Self::Disk => "a virtio disk",
            Self::Can => "two CAN controllers",
            Self::Nvdimm => "an NVDIMM",
            Self::SecondCore => "a second core",
        }
    }
}

impl Board {
    /// The board of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        BOARDS.iter().find(|board| board.name == name)
    }

    /// Whether it has this device.
    pub fn has(&self, device: Device) -> bool {
        self.devices.contains(&device)
    }

    /// Whether the user chooses its machine, CPU and interrupt controller.
    pub fn is_pc(&self) -> bool {
        self.machine == Machine::Chosen
    }

    /// The compiler's options, for a toolchain that builds `core` from its sources or contains it.
    pub fn rustflags(&self, builds_core: bool) -> String {
        let linker = match (self.linker, builds_core) {
            (Linker::Gnu, _) => "ld",
            (Linker::Lld, true) => Linker::LLD.name,
            (Linker::Lld, false) => return self.flags.into(),
        };
        format!("{} -C linker={linker} -C linker-flavor=ld", self.flags).trim_start().into()
    }

    /// The name of an exception of its processor.
    pub fn exception(&self, number: u8) -> &'static str {
        match self.target.split_once(|c: char| c.is_ascii_digit()) {
            Some(("x", _)) => exceptions::x86(number),
            Some(("riscv", _)) => exceptions::risc_v(number),
            _ => exceptions::cortex_m(number),
        }
    }
}
