//! The table: a row for each board.

use super::{Attachment, Board, CommandLine, Device, Linker, Machine, Program, Setting};
use crate::toolchain;

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
