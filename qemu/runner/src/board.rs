//! The boards: one row holds everything that the runner knows of a board. To add a board, add a row.

use crate::toolchain;

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

const ARM: Program = Program { name: "qemu-system-arm", package: "qemu-system-arm" };
const RISC_V: Program = Program { name: "qemu-system-riscv32", package: "qemu-system-misc" };

/// The RISC-V machine. The serial ports after the first, the log and the reports are on PCI.
const VIRT: Machine = Machine::Fixed(
    "-machine virt -bios none -m 128M -device pci-serial-4x,addr=1,chardev1=com2,chardev2=log,chardev3=report -device edu,dma_mask=0xffffffff",
);
const VIRT_STREAMS: [Attachment; 4] = [
    Attachment::Device("-serial chardev:com1"),
    Attachment::Device(""),
    Attachment::Device(""),
    Attachment::Device(""),
];
const VIRT_DEVICES: &[Device] =
    &[Device::Serial, Device::Dma, Device::Edu, Device::Disk, Device::Can];
const VIRT_LACKS: &[(Device, &str)] = &[
    (Device::Flash, NO_FLASH),
    (Device::Pins, NO_PINS),
    (Device::I2c, NO_BUS),
    (Device::Spi, NO_BUS),
    (Device::Nvdimm, NO_NVDIMM),
    (Device::SecondCore, "the board starts one core"),
];

const NO_BUS: &str = "the machine has none";
const NO_PINS: &str = "the machine has none";
/// The evaluation board, with a flash chip that programs whole pages, as most do. On its third I2C bus are two thermometers, an EEPROM, a clock and an expander of pins.
const AST1030: &str = "-machine ast1030-evb,fmc-model=w25q32 -device tmp105,id=thermometer,bus=aspeed.i2c.bus.2,address=0x48 -device tmp105,id=freezer,bus=aspeed.i2c.bus.2,address=0x49 -device at24c-eeprom,bus=aspeed.i2c.bus.2,address=0x50,rom-size=4096 -device ds1338,bus=aspeed.i2c.bus.2,address=0x68 -device max7310,id=expander,bus=aspeed.i2c.bus.2,address=0x20 -rtc base=2024-01-02T03:04:05";
/// Temperatures, in thousandths of a degree; and a wire from the expander's pin 0 to its pin 1.
const AST1030_PREPARE: &[(&str, &str, Setting)] = &[
    ("/machine/peripheral/thermometer", "temperature", Setting::Number(23_500)),
    ("/machine/peripheral/freezer", "temperature", Setting::Number(-12_500)),
    (
        "/machine/peripheral/expander",
        "unnamed-gpio-out[0]",
        Setting::Object("/machine/peripheral/expander/unnamed-gpio-in[1]"),
    ),
];

const NO_FLASH: &str = "the machine has none with DMA";
const NO_PCI: &str = "it is a PCI device, and the machine has no PCI";
const NO_NVDIMM: &str = "the machine has no slot for one";
const ONE_CORE: &str = "the chip has one core";

/// All boards. The first is the default.
pub static BOARDS: [Board; 6] = [
    Board {
        name: "pc",
        cpu: "x86_64",
        target: toolchain::TARGET,
        feature: None,
        // Not relocated and below 2 GiB.
        flags: "-C relocation-model=static -C code-model=small",
        linker: Linker::Gnu,
        qemu: Program { name: "qemu-system-x86_64", package: "qemu-system-x86" },
        machine: Machine::Chosen,
        prepare: &[],
        shift: 0,
        streams: [
            Attachment::Device("-serial chardev:com1"),
            // The machine says where its second serial port is.
            Attachment::Device(""),
            Attachment::Device("-device isa-debugcon,iobase=0xe9,chardev=log"),
            Attachment::Device("-device isa-debugcon,iobase=0xe8,chardev=report"),
        ],
        command_line: CommandLine::Append,
        devices: &[
            Device::Serial,
            Device::Dma,
            Device::Edu,
            Device::Disk,
            Device::Can,
            Device::Nvdimm,
            Device::SecondCore,
        ],
        lacks: &[
            (Device::Flash, NO_FLASH),
            (Device::Pins, NO_PINS),
            (Device::I2c, "its SMBus has no driver here"),
            (Device::Spi, NO_BUS),
        ],
        packages: &["pc", "console", "cores", "panicless"],
    },
    Board {
        name: "ast1030",
        cpu: "Cortex-M4F",
        target: "thumbv7em-none-eabihf",
        feature: None,
        flags: "-C link-arg=--nmagic",
        linker: Linker::Lld,
        qemu: ARM,
        machine: Machine::Fixed(AST1030),
        prepare: AST1030_PREPARE,
        shift: 4,
        // In this order: UART5, UART1, UART2, UART3.
        streams: [
            Attachment::Device("-serial chardev:com1"),
            Attachment::Device("-serial chardev:com2"),
            Attachment::Device("-serial chardev:log"),
            Attachment::Device("-serial chardev:report"),
        ],
        command_line: CommandLine::Semihosting,
        devices: &[Device::Serial, Device::Flash, Device::Pins, Device::I2c],
        lacks: &[
            (Device::Dma, "the flash controller's takes no time, so there is nothing to wait for"),
            (Device::Edu, NO_PCI),
            (Device::Spi, "the flash controller's has no interrupt for a byte"),
            (Device::Disk, NO_PCI),
            (Device::Can, NO_PCI),
            (Device::Nvdimm, NO_NVDIMM),
            (Device::SecondCore, ONE_CORE),
        ],
        packages: &["ast1030", "cortex-m-board"],
    },
    Board {
        name: "virt",
        cpu: "RISC-V, rv32imac",
        target: "riscv32imac-unknown-none-elf",
        feature: None,
        flags: "",
        linker: Linker::Lld,
        qemu: RISC_V,
        machine: VIRT,
        prepare: &[],
        shift: 7,
        streams: VIRT_STREAMS,
        command_line: CommandLine::Semihosting,
        devices: VIRT_DEVICES,
        lacks: VIRT_LACKS,
        packages: &["virt"],
    },
    Board {
        name: "virt-imc",
        cpu: "RISC-V without atomics, rv32imc",
        target: "riscv32imc-unknown-none-elf",
        feature: None,
        flags: "",
        linker: Linker::Lld,
        qemu: RISC_V,
        machine: VIRT,
        prepare: &[],
        shift: 7,
        streams: VIRT_STREAMS,
        command_line: CommandLine::Semihosting,
        devices: VIRT_DEVICES,
        lacks: VIRT_LACKS,
        packages: &["virt"],
    },
    Board {
        name: "sifive_u",
        cpu: "RISC-V, rv32imac, with SPI",
        target: "riscv32imac-unknown-none-elf",
        feature: Some("sifive_u"),
        flags: "",
        linker: Linker::Lld,
        qemu: RISC_V,
        machine: Machine::Fixed("-machine sifive_u -bios none -m 128M"),
        prepare: &[],
        shift: 7,
        streams: [
            Attachment::Absent,
            Attachment::Absent,
            Attachment::Semihosting,
            // QEMU 7.2's SiFive UART drops a byte that its character device does not take.
            Attachment::Output("-serial chardev:report"),
        ],
        command_line: CommandLine::Semihosting,
        devices: &[Device::Spi],
        lacks: &[
            (Device::Serial, "its UARTs are no 16550s"),
            (Device::Dma, "the engine's copies take no time, so there is nothing to wait for"),
            (Device::Edu, NO_PCI),
            (Device::Flash, NO_FLASH),
            (Device::Pins, "the host cannot drive them"),
            (Device::I2c, "QEMU does not emulate the chip's"),
            (Device::Disk, NO_PCI),
            (Device::Can, NO_PCI),
            (Device::Nvdimm, NO_NVDIMM),
            (Device::SecondCore, "the board starts one core"),
        ],
        packages: &["virt"],
    },
    Board {
        name: "microbit",
        cpu: "Cortex-M0, without compare-and-swap",
        target: "thumbv6m-none-eabi",
        feature: None,
        flags: "-C link-arg=--nmagic",
        linker: Linker::Lld,
        qemu: ARM,
        machine: Machine::Fixed("-machine microbit"),
        prepare: &[],
        shift: 8,
        streams: [
            Attachment::Absent,
            Attachment::Absent,
            Attachment::Semihosting,
            Attachment::Device("-serial chardev:report"),
        ],
        command_line: CommandLine::Semihosting,
        devices: &[],
        lacks: &[
            (Device::Serial, "its one UART is no 16550"),
            (Device::Dma, "QEMU does not emulate the chip's"),
            (Device::Edu, NO_PCI),
            (Device::Flash, NO_FLASH),
            (Device::Pins, "in QEMU they do not interrupt"),
            (Device::I2c, "QEMU's replays fixed bytes"),
            (Device::Spi, "QEMU does not emulate the chip's"),
            (Device::Disk, NO_PCI),
            (Device::Can, NO_PCI),
            (Device::Nvdimm, NO_NVDIMM),
            (Device::SecondCore, ONE_CORE),
        ],
        packages: &["microbit", "cortex-m-board"],
    },
];

/// The default board.
pub const PC: &Board = &BOARDS[0];

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

/// The names of processors' exceptions.
mod exceptions {
    /// Intel SDM volume 3, table 6-1.
    pub fn x86(vector: u8) -> &'static str {
        match vector {
            0 => "divide error",
            1 => "debug",
            2 => "non-maskable interrupt",
            3 => "breakpoint",
            4 => "overflow",
            5 => "bound range exceeded",
            6 => "invalid opcode",
            7 => "device not available",
            8 => "double fault",
            10 => "invalid TSS",
            11 => "segment not present",
            12 => "stack-segment fault",
            13 => "general protection",
            14 => "page fault",
            16 => "x87 floating-point error",
            17 => "alignment check",
            18 => "machine check",
            19 => "SIMD floating-point exception",
            20 => "virtualization exception",
            21 => "control protection exception",
            _ => "reserved",
        }
    }

    /// Armv7-M Architecture Reference Manual, B1.5.2: the numbers in IPSR.
    pub fn cortex_m(number: u8) -> &'static str {
        match number {
            2 => "NMI",
            3 => "HardFault",
            4 => "MemManage",
            5 => "BusFault",
            6 => "UsageFault",
            11 => "SVCall",
            12 => "DebugMonitor",
            14 => "PendSV",
            15 => "SysTick",
            _ => "reserved",
        }
    }

    /// The RISC-V Instruction Set Manual volume II, table of `mcause`.
    pub fn risc_v(cause: u8) -> &'static str {
        match cause {
            0 => "instruction address misaligned",
            1 => "instruction access fault",
            2 => "illegal instruction",
            3 => "breakpoint",
            4 => "load address misaligned",
            5 => "load access fault",
            6 => "store address misaligned",
            7 => "store access fault",
            8 => "environment call from U-mode",
            9 => "environment call from S-mode",
            11 => "environment call from M-mode",
            12 => "instruction page fault",
            13 => "load page fault",
            15 => "store page fault",
            _ => "reserved",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_board_has_a_name_and_a_target_or_a_feature_of_its_own() {
        assert_eq!(PC.name, "pc");
        let names: BTreeSet<_> = BOARDS.iter().map(|board| board.name).collect();
        let chosen: BTreeSet<_> =
            BOARDS.iter().map(|board| (board.target, board.feature)).collect();
        assert_eq!([names.len(), chosen.len()], [BOARDS.len(); 2]);
        assert!(BOARDS.iter().all(|board| std::ptr::eq(Board::named(board.name).unwrap(), board)));
        assert!(Board::named("all").is_none());
    }

    /// Cargo is told of a target's options, whichever board it builds for.
    #[test]
    fn boards_with_one_target_have_the_same_options() {
        for board in &BOARDS {
            let others = BOARDS.iter().filter(|other| other.target == board.target);
            let options = |board: &Board| [true, false].map(|builds| board.rustflags(builds));
            assert!(others.clone().all(|other| options(other) == options(board)), "{}", board.name);
            assert_eq!(
                others.filter(|other| other.feature.is_none()).count(),
                1,
                "the target's own"
            );
        }
    }

    #[test]
    fn each_device_is_there_or_lacking_with_a_reason() {
        for board in &BOARDS {
            for device in Device::ALL {
                let lacking = board.lacks.iter().filter(|(lacking, _)| *lacking == device).count();
                assert_eq!(lacking, usize::from(!board.has(device)), "{}: {device:?}", board.name);
            }
        }
    }

    /// The board's crate says for which devices the firmware is built.
    #[test]
    fn the_table_and_the_boards_crate_name_the_same_devices() {
        for board in &BOARDS {
            let script = format!("qemu/boards/{}/build.rs", board.packages[0]);
            let script = std::fs::read_to_string(crate::project().join(script)).unwrap();
            // The boards of a crate are in the order of their features, the one without a feature last.
            let lines: Vec<_> = script.split("metadata=devices=").skip(1).collect();
            let of_a_feature = BOARDS
                .iter()
                .filter(|other| other.packages[0] == board.packages[0] && other.feature.is_some());
            let place = match board.feature {
                None => of_a_feature.count(),
                Some(_) => of_a_feature.take_while(|other| other.name != board.name).count(),
            };
            let (devices, _) = lines[place].split_once('"').unwrap();
            let named: BTreeSet<_> = devices.split(',').filter(|name| !name.is_empty()).collect();
            let known = [
                ("serial", Device::Serial),
                ("dma", Device::Dma),
                ("edu", Device::Edu),
                ("flash", Device::Flash),
                ("pins", Device::Pins),
                ("i2c", Device::I2c),
                ("spi", Device::Spi),
                ("disk", Device::Disk),
                ("can", Device::Can),
            ];
            let known = known.into_iter().filter(|(_, device)| board.has(*device));
            assert_eq!(named, known.map(|(name, _)| name).collect(), "{}", board.name);
        }
    }

    #[test]
    fn log_and_reports_always_leave_the_guest() {
        for Board { name, streams: [com1, com2, log, report], .. } in &BOARDS {
            assert!(![log, report].contains(&&Attachment::Absent), "{name}");
            let others = [com1, com2, log].map(|by| matches!(by, Attachment::Output(_)));
            assert_eq!(others, [false; 3], "{name}: only reports are QEMU's own output");
            assert_eq!(
                *com2 == Attachment::Absent,
                !Board::named(name).unwrap().has(Device::Serial)
            );
        }
    }

    #[test]
    fn the_linker_is_debians_only_for_debians_compiler() {
        let virt = Board::named("virt").unwrap();
        assert_eq!(virt.rustflags(true), "-C linker=ld.lld-14 -C linker-flavor=ld");
        assert_eq!(virt.rustflags(false), "");
        assert_eq!(PC.rustflags(true), PC.rustflags(false));
        assert!(PC.rustflags(true).ends_with("small -C linker=ld -C linker-flavor=ld"));
    }

    #[test]
    fn exceptions_have_the_names_of_their_processor() {
        let name = |board, number| Board::named(board).unwrap().exception(number);
        assert_eq!(name("pc", 14), "page fault");
        assert_eq!(name("ast1030", 3), "HardFault");
        assert_eq!(name("microbit", 3), "HardFault");
        assert_eq!(name("virt", 2), "illegal instruction");
        assert_eq!(name("virt-imc", 2), "illegal instruction");
        assert_eq!(name("sifive_u", 2), "illegal instruction");
    }
}
