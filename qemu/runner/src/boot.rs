//! What a boot is: the board, the firmware with the QEMU that boots it, and what is plugged in.

use crate::{
    board::{self, BOARDS, Board, Device},
    cargo::Firmware,
    error::{Error, Result},
    report::Domain,
    spi_images::Images,
};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use crate::pc::{Irq, Machine};

/// What the user says of every boot: the board, and how to watch it.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// The board to boot, or all of them, one after the other [default: pc]
    #[arg(long, global = true, value_name = "NAME", value_parser = Boards::parser())]
    pub board: Option<Boards>,
    /// The machine QEMU emulates (pc only) [default: q35; `sweep`: microvm]
    #[arg(long, global = true, value_enum)]
    pub machine: Option<Machine>,
    /// The CPU model, as QEMU names it (pc only) [default: max]
    #[arg(long, global = true, value_name = "MODEL")]
    pub cpu: Option<String>,
    /// The interrupt controller (pc only) [default: apic; `sweep` and `test` run both]
    #[arg(long, global = true, value_enum)]
    pub irq: Option<Irq>,
    /// The limit of each boot [default: by command]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: Option<u32>,
    /// Show the guest's log and serial lines, and where each message comes from
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// The value of `--board`.
#[derive(Clone, Copy, Debug)]
pub enum Boards {
    /// This board.
    One(&'static Board),
    /// All boards.
    All,
}

impl Boards {
    const ALL: &str = "all";

    fn parser() -> impl TypedValueParser<Value = Self> {
        let names = BOARDS.iter().map(|board| board.name).chain([Self::ALL]);
        PossibleValuesParser::new(names)
            .map(|name| Board::named(&name).map_or(Self::All, Self::One))
    }
}

impl Options {
    /// The options for this board.
    pub fn on(board: &'static Board) -> Self {
        Self { board: Some(Boards::One(board)), ..Self::default() }
    }

    /// The boards of a command that can run on each.
    pub fn boards(&self) -> Result<Vec<&'static Board>> {
        let boards = match self.board {
            None => vec![board::PC],
            Some(Boards::One(board)) => vec![board],
            Some(Boards::All) => BOARDS.iter().collect(),
        };
        let chosen = [
            ("--machine", self.machine.is_some()),
            ("--cpu", self.cpu.is_some()),
            ("--irq", self.irq.is_some()),
        ];
        let other = boards.iter().find(|board| !board.is_pc());
        match (other, chosen.iter().find(|(_, chosen)| *chosen)) {
            (Some(other), Some((option, _))) => Err(Error::caller(
                format_args!("{option} is only for the board pc"),
                format_args!(
                    "the board {} has one machine, with its CPU and interrupts",
                    other.name
                ),
                format_args!("leave out {option}, or use --board pc"),
            )),
            _ => Ok(boards),
        }
    }

    /// The board of a command that runs on one.
    pub fn one_board(&self, command: &str) -> Result<&'static Board> {
        match self.boards()?[..] {
            [board] => Ok(board),
            _ => Err(Error::caller(
                format_args!("`{command}` runs on one board"),
                "--board all means several",
                "name one board, or leave out --board, which means pc",
            )),
        }
    }

    /// The board of a command that runs only on the PC.
    pub fn pc(&self, command: &str, why: &str) -> Result<&'static Board> {
        match self.one_board(command)? {
            board if board.is_pc() => Ok(board),
            board => Err(Error::caller(
                format_args!("`{command}` does not run on the board {}", board.name),
                why,
                "leave out --board, or use --board pc",
            )),
        }
    }

    /// Checks that the user has named no board to a command that boots none.
    pub fn no_board(&self, command: &str) -> Result<()> {
        if self.board.is_none() {
            return Ok(());
        }
        let why = "it boots nothing, so no board can be chosen";
        Err(Error::caller(format_args!("`{command}` has no --board"), why, "leave out --board"))
    }

    /// The machine: the one that the user chose, else the default.
    pub fn machine(&self) -> Machine {
        self.machine.unwrap_or_default()
    }

    /// The interrupt controller: the one that the user chose, else the default; `None` on a board that
    /// offers no choice.
    pub fn irq(&self, board: &Board) -> Option<Irq> {
        board.is_pc().then(|| self.irq.unwrap_or_default())
    }

    /// The interrupt controllers of a command that tests with each of them: the one that the user
    /// chose, else all; one `None` on a board that offers no choice.
    pub fn irqs(&self, board: &Board) -> Vec<Option<Irq>> {
        match self.irq {
            _ if !board.is_pc() => vec![None],
            None => Irq::ALL.map(Some).into(),
            chosen => vec![chosen],
        }
    }

    /// The time limit of one boot: the one that the user chose, else `default`.
    pub fn limit(&self, default: Duration) -> Duration {
        self.timeout.map_or(default, |seconds| Duration::from_secs(seconds.into()))
    }
}

/// A board in words, with its interrupt controller if the user can choose it: `pc with the apic`.
pub fn place(board: &Board, irq: Option<Irq>) -> String {
    let irq = irq.map_or(String::new(), |irq| format!(" with the {}", irq.name()));
    format!("{}{irq}", board.name)
}

/// A firmware, its board, and the QEMU that emulates it.
/// [`Rig::set_up`](crate::setup) makes one.
#[derive(Clone, Debug)]
pub struct Rig {
    /// The QEMU program.
    pub qemu: PathBuf,
    /// What it boots.
    pub firmware: Firmware,
    /// The board that it emulates.
    pub board: &'static Board,
    /// What the user says of the board, and how to watch it.
    pub options: Options,
}

impl Rig {
    /// Whether the machine takes a disk.
    pub fn takes_a_disk(&self) -> bool {
        let machine = self.options.machine();
        self.board.has(Device::Disk) && (!self.board.is_pc() || machine == Machine::Q35)
    }

    /// Whether the machine takes the cards with CAN controllers.
    pub fn takes_can(&self) -> bool {
        self.board.has(Device::Can)
            && (!self.board.is_pc() || self.options.machine() != Machine::Microvm)
    }

    /// Whether the machine takes chips with images on its SPI buses.
    pub fn takes_spi(&self) -> bool {
        self.board.has(Device::Spi)
    }

    /// A boot of this rig with `command`, by default within `limit`.
    pub fn boot(&self, command: impl Into<String>, limit: Duration) -> Boot<'_> {
        Boot {
            rig: self,
            command: command.into(),
            irq: self.options.irq(self.board),
            exact: true,
            cores: 1,
            disk: None,
            can: false,
            spi: None,
            flash: None,
            nvdimm: None,
            limit: self.options.limit(limit),
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
    /// The interrupt controller, on a board that offers a choice.
    pub irq: Option<Irq>,
    /// Whether the guest's clock counts instructions, so that every figure is exact; otherwise it
    /// is the host's clock. What depends on host input does not repeat either way, since the clock
    /// of an idle guest leaps ahead.
    pub exact: bool,
    /// The number of cores.
    pub cores: u8,
    /// The disk that is plugged in (on the PC: `q35` only).
    pub disk: Option<Disk>,
    /// Whether two CAN controllers are plugged in, on one bus.
    pub can: bool,
    /// The images of the chips on the SPI buses. Without them the flash is empty, and there is no card.
    pub spi: Option<&'a Images>,
    /// The image of the flash chip, which QEMU opens and does not change. Without one the chip is erased.
    pub flash: Option<PathBuf>,
    /// The persistent memory that is plugged in (the PC only: `q35` and `pc`).
    pub nvdimm: Option<Nvdimm>,
    /// The time limit. QEMU is killed when it has passed.
    pub limit: Duration,
}

impl Boot<'_> {
    /// The guest's command line: the command, the interrupt controller, the command's other words.
    pub fn command_line(&self) -> String {
        let Some(irq) = self.irq else { return self.command.clone() };
        let (command, words) = self.command.split_once(' ').unwrap_or((&self.command, ""));
        format!("{command} irq={} {words}", irq.name()).trim_end().to_owned()
    }

    /// The board, the interrupt controller and the command, for messages.
    pub fn what(&self) -> String {
        format!("{}: {}", self.rig.board.name, self.command_line())
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

impl Disk {
    /// A disk with this image.
    pub fn new(image: &Path) -> Self {
        Self { image: image.into(), properties: Vec::new() }
    }
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
