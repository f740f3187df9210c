//! What a boot is: the machine and the board, the firmware with the QEMU that boots it, and what is
//! plugged in.

use crate::{cargo::Firmware, report::Domain};
use clap::{Args, ValueEnum};
use std::{path::PathBuf, time::Duration};

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

/// The board to boot, and how to watch it.
#[derive(Clone, Debug, Args)]
pub struct Board {
    /// The machine QEMU emulates [default: q35; `sweep`: microvm]
    #[arg(long, global = true, value_enum)]
    pub machine: Option<Machine>,
    /// The CPU model, as QEMU names it
    #[arg(long, global = true, value_name = "MODEL", default_value = "max")]
    pub cpu: String,
    /// The interrupt controller [default: apic; `sweep` and `test` run both]
    #[arg(long, global = true, value_enum)]
    pub irq: Option<Irq>,
    /// The limit of each boot [default: by command]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: Option<u32>,
    /// Show the guest's log and serial lines, and where each message comes from
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

impl Board {
    /// The machine: the one that the user chose, else the default.
    pub fn machine(&self) -> Machine {
        self.machine.unwrap_or_default()
    }

    /// The interrupt controller: the one that the user chose, else the default.
    pub fn irq(&self) -> Irq {
        self.irq.unwrap_or_default()
    }

    /// The interrupt controllers of a command that tests with each of them: the one that the user
    /// chose, else all.
    pub fn irqs(&self) -> Vec<Irq> {
        self.irq.map_or(Irq::ALL.into(), |irq| vec![irq])
    }

    /// The time limit of one boot: the one that the user chose, else `default`.
    pub fn limit(&self, default: Duration) -> Duration {
        self.timeout.map_or(default, |seconds| Duration::from_secs(seconds.into()))
    }
}

impl Default for Board {
    fn default() -> Self {
        Self { machine: None, cpu: "max".into(), irq: None, timeout: None, verbose: false }
    }
}

/// A firmware, the QEMU that boots it, and the board that QEMU emulates.
/// [`Rig::set_up`](crate::setup) makes one.
#[derive(Clone, Debug)]
pub struct Rig {
    /// The QEMU program.
    pub qemu: PathBuf,
    /// What it boots.
    pub firmware: Firmware,
    /// The board that it emulates.
    pub board: Board,
}

impl Rig {
    /// A boot of this rig with `command`, by default within `limit`.
    pub fn boot(&self, command: impl Into<String>, limit: Duration) -> Boot<'_> {
        Boot {
            rig: self,
            command: command.into(),
            irq: self.board.irq(),
            exact: true,
            cores: 1,
            disk: None,
            nvdimm: None,
            limit: self.board.limit(limit),
        }
    }
}

/// One boot.
#[derive(Clone, Debug)]
pub struct Boot<'a> {
    /// The firmware, QEMU and board.
    pub rig: &'a Rig,
    /// What the guest is to do: a command and its words.
    pub command: String,
    /// The interrupt controller.
    pub irq: Irq,
    /// Whether the guest's clock counts instructions, so that every figure is exact; otherwise it
    /// is the host's clock. What depends on host input does not repeat either way, since the clock
    /// of an idle guest leaps ahead.
    pub exact: bool,
    /// The number of cores.
    pub cores: u8,
    /// The disk that is plugged in (`q35` only).
    pub disk: Option<Disk>,
    /// The persistent memory that is plugged in (`q35` and `pc` only).
    pub nvdimm: Option<Nvdimm>,
    /// The time limit. QEMU is killed when it has passed.
    pub limit: Duration,
}

impl Boot<'_> {
    /// The guest's command line: the command, the interrupt controller, the command's other words.
    pub fn command_line(&self) -> String {
        let (command, words) = self.command.split_once(' ').unwrap_or((&self.command, ""));
        format!("{command} irq={} {words}", self.irq.name()).trim_end().to_owned()
    }
}

/// A virtio disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// The image, which QEMU opens.
    pub image: PathBuf,
    /// More properties of QEMU's drive, such as `readonly=on`.
    pub properties: Vec<&'static str>,
}

/// Persistent memory: a file that QEMU maps as the guest's memory, and that outlives QEMU.
#[derive(Clone, Debug)]
pub struct Nvdimm {
    /// The file. QEMU makes it `bytes` long.
    pub file: PathBuf,
    /// Its length: whole pages.
    pub bytes: u64,
    /// What survives a power failure, as the machine tells the guest.
    pub persistence: Domain,
}
