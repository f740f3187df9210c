//! The test rig: a firmware, the QEMU to boot it, and the board to boot it on.

use crate::{
    cargo::{self, Firmware},
    cli::Board,
    error::Result,
    qemu::Irq,
    setup::{self, Needs},
};
use std::{path::PathBuf, time::Duration};

/// A firmware and what boots it.
#[derive(Clone, Debug)]
pub struct Rig {
    /// The QEMU program.
    pub qemu: PathBuf,
    /// What it boots.
    pub firmware: Firmware,
    /// On which board.
    pub board: Board,
}

/// One boot.
#[derive(Clone, Debug)]
pub struct Boot<'a> {
    /// With what.
    pub rig: &'a Rig,
    /// What the guest shall do: a command and its words.
    pub command: String,
    /// The interrupt controller.
    pub irq: Irq,
    /// Whether the guest's clock counts instructions, so that every figure is exact; otherwise it
    /// is the host's. What depends on host input does not repeat either way, since an idle guest's
    /// clock leaps ahead.
    pub exact: bool,
    /// How many cores it has.
    pub cores: u8,
    /// The disk that is plugged in (`q35` only).
    pub disk: Option<Disk>,
    /// The persistent memory that is plugged in (`q35` and `pc` only).
    pub nvdimm: Option<Nvdimm>,
    /// When to give up.
    pub limit: Duration,
}

/// A virtio disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// The image: what QEMU opens.
    pub image: PathBuf,
    /// More properties of the drive: `readonly=on`.
    pub properties: Vec<&'static str>,
}

/// Persistent memory: a file that the guest's memory is, and that outlives it.
#[derive(Clone, Debug)]
pub struct Nvdimm {
    /// The file; QEMU makes it as long as `bytes`.
    pub file: PathBuf,
    /// Whole pages.
    pub bytes: u64,
    /// What the machine says of its caches.
    pub persistence: Persistence,
}

/// What survives a power cut, as the machine tells its guest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Persistence {
    /// What has reached the memory controller.
    MemoryController,
    /// The caches too: eADR.
    Caches,
}

impl Persistence {
    /// QEMU's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::MemoryController => "mem-ctrl",
            Self::Caches => "cpu",
        }
    }
}

impl Rig {
    /// Sets up what is missing and builds one binary of the firmware.
    pub fn set_up(binary: &str, board: Board) -> Result<Self> {
        let tools = setup::tools(Needs::BOOT)?;
        let firmware = cargo::build(&tools.toolchain, binary)?;
        Ok(Self {
            qemu: tools.qemu.unwrap_or_else(|| crate::qemu::PROGRAM.into()),
            firmware,
            board,
        })
    }

    /// A boot of this rig under `command`, by default within `limit`.
    pub fn boot(&self, command: impl Into<String>, limit: Duration) -> Boot<'_> {
        Boot {
            rig: self,
            command: command.into(),
            irq: self.board.irq.unwrap_or(Irq::Apic),
            exact: true,
            cores: 1,
            disk: None,
            nvdimm: None,
            limit: self.board.limit(limit),
        }
    }
}

impl Boot<'_> {
    /// The guest's command line: the command, the interrupt controller, the command's other words.
    pub fn command_line(&self) -> String {
        let (command, words) = self.command.split_once(' ').unwrap_or((&self.command, ""));
        format!("{command} irq={} {words}", self.irq.name()).trim_end().to_owned()
    }
}
