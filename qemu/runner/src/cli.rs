//! The command line: commands, options, and the limits of each value.

use crate::{boot::Options, choice::Choice};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Boots the `wouldblock` firmware under QEMU: the table of the model, on real (emulated) devices.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo run --", version)]
pub struct Cli {
    /// What to do [default: tour]
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What holds for every boot.
    #[command(flatten)]
    pub options: Options,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run every example of the model and draw the table (the default)
    Tour(Tour),
    /// Push a file through the guest's UART and back, and compare
    Echo(Echo),
    /// Place an interrupt at every instruction of every wait path, and find what is lost
    Sweep(Sweep),
    /// Kill QEMU at random moments while the guest appends to a log in an NVDIMM, and find what is lost
    Powerfail(Powerfail),
    /// Do everything that can be done with a job, at random, on all devices at once; check every count
    Soak(Soak),
    /// Run the on-target tests, each in its own boot
    Test(Test),
    /// List the boards: what is on each, what it cannot run and why, and what must be installed
    Boards,
    /// Lint, document and build for the bare-metal targets
    Check,
    /// Make the library for programs in C: a static library and its header
    C(C),
}

impl Default for Command {
    fn default() -> Self {
        Self::Tour(Tour::default())
    }
}

/// The options of `tour`.
#[derive(Debug, Default, Args)]
pub struct Tour {
    /// Also write the rows to FILE, as one JSON array
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also run every row with a recorder, and draw to FILE, one HTML page, what happened in it
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// The options of `echo`.
#[derive(Debug, Args)]
pub struct Echo {
    /// The file to send
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Where to write what comes back
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// How the guest receives and sends
    #[arg(long, value_enum)]
    pub form: Form,
}

/// The options of `sweep`.
#[derive(Debug, Default, Args)]
pub struct Sweep {
    /// Also write the counts to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// What the library in the firmware assumes of the cores
    #[arg(long, value_enum, default_value_t)]
    pub choice: Choice,
    /// How many pairs of places of a path's two interrupts to try, about [default: pc all, others 2500]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub pairs: Option<u32>,
}

/// The options of `powerfail`.
#[derive(Debug, Args)]
pub struct Powerfail {
    /// How often the power fails
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// The seed of the random choices; the host's timing does not repeat [default: random]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
}

/// The options of `soak`.
#[derive(Debug, Args)]
pub struct Soak {
    /// How many operations are to end
    // The default takes about a minute.
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub rounds: u64,
    /// The seed of the random choices; the host's timing does not repeat [default: random]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
}

/// The options of `test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Only the tests whose name contains this
    pub filter: Option<String>,
    /// How often to run them all, one round after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// What the library in the firmware assumes of the cores
    #[arg(long, value_enum, default_value_t)]
    pub choice: Choice,
}

/// The options of `c`.
#[derive(Debug, Args)]
pub struct C {
    /// The kind of programs that link the library
    #[arg(long, value_enum, default_value = "host")]
    pub target: Target,
    /// Where to put library and header [default: `c/host` or `c/bare` in the target folder]
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// The kind of programs in C that the library is made for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Target {
    /// Programs that run on this machine
    Host,
    /// Firmware for x86_64: no operating system, no SSE
    Bare,
}

impl Target {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Bare => "bare",
        }
    }
}

impl From<Test> for libtest_mimic::Arguments {
    fn from(test: Test) -> Self {
        Self { filter: test.filter, ..Self::default() }
    }
}

/// The form in which the guest does its half of an echo.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Form {
    /// Each call returns when it is done
    Blocking,
    /// Each call tries once
    Nonblocking,
    /// A job that interrupts carry on
    Async,
    /// A task that awaits
    Await,
}

impl Form {
    /// Its name on both command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Nonblocking => "nonblocking",
            Self::Async => "async",
            Self::Await => "await",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::{Boards, Irq, Machine};

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn options_alone_mean_the_tour() {
        let cli = Cli::try_parse_from(["runner", "--machine", "microvm", "--irq", "pic"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.options.machine, Some(Machine::Microvm));
        assert_eq!(cli.options.irq, Some(Irq::Pic));
    }

    fn options(words: &str) -> Options {
        Cli::try_parse_from(["runner"].into_iter().chain(words.split(' '))).unwrap().options
    }

    #[test]
    fn a_board_is_named_before_or_after_the_command() {
        for words in ["--board virt tour", "tour --board virt"] {
            let options = options(words);
            assert!(matches!(options.board, Some(Boards::One(board)) if board.name == "virt"));
            assert_eq!(options.boards().unwrap().len(), 1);
        }
        assert_eq!(options("tour").boards().unwrap()[0].name, "pc");
        assert_eq!(options("tour --board all").boards().unwrap().len(), crate::board::BOARDS.len());
    }

    #[test]
    fn an_unknown_board_is_refused_with_the_list_and_a_second_one_as_a_second_one() {
        let refused = |words: &str| {
            let words = ["runner"].into_iter().chain(words.split(' '));
            Cli::try_parse_from(words).unwrap_err().to_string()
        };
        let unknown = refused("--board pdp11");
        for board in &crate::board::BOARDS {
            assert!(unknown.contains(board.name), "{unknown}");
        }
        assert!(refused("--board pc --board virt").contains("cannot be used multiple times"));
    }

    #[test]
    fn what_is_chosen_on_the_pc_is_refused_for_other_boards() {
        for (words, option) in [
            ("--board virt --irq pic", "--irq"),
            ("--board microbit --machine q35", "--machine"),
            ("--board all --cpu max", "--cpu"),
        ] {
            let error = options(words).boards().unwrap_err().to_string();
            assert!(error.contains(&format!("{option} is only for the board pc")), "{error}");
        }
        assert!(options("--board pc --irq pic --machine pc --cpu max").boards().is_ok());
    }

    #[test]
    fn several_boards_are_refused_where_one_is_meant() {
        let error = options("--board all").one_board("echo").unwrap_err().to_string();
        assert!(error.contains("`echo` runs on one board"), "{error}");
        let error = options("--board virt").pc("powerfail", "no NVDIMM").unwrap_err().to_string();
        assert!(error.contains("does not run on the board virt"), "{error}");
        assert!(options("--board virt").no_board("check").is_err());
        assert!(options("tour").no_board("check").is_ok());
    }

    #[test]
    fn the_choice_is_that_of_a_sweep_or_a_test() {
        let chosen = |words: &str| {
            let words = ["runner"].into_iter().chain(words.split(' '));
            match Cli::try_parse_from(words).unwrap().command {
                Some(Command::Sweep(sweep)) => sweep.choice,
                Some(Command::Test(test)) => test.choice,
                _ => unreachable!("no other command is asked here"),
            }
        };
        for command in ["sweep", "test"] {
            assert_eq!(chosen(command), Choice::Default);
            for choice in Choice::ALL {
                assert_eq!(chosen(&format!("{command} --choice {choice}")), choice);
            }
        }
    }

    #[test]
    fn bad_values_are_refused() {
        for words in [
            &["runner", "--machine", "pdp11"][..],
            &["runner", "--timeout", "0"],
            &["runner", "--timeout", "soon"],
            &["runner", "powerfail", "--rounds", "0"],
            &["runner", "powerfail", "--rounds", "many"],
            &["runner", "powerfail", "--seed", "x"],
            &["runner", "test", "--repeat", "0"],
            &["runner", "test", "--repeat", "-1"],
            &["runner", "test", "--repeat", "often"],
            &["runner", "sweep", "--pairs", "0"],
            &["runner", "soak", "--rounds=0"],
            &["runner", "soak", "--rounds=many"],
            &["runner", "soak", "--seed=-1"],
            &["runner", "sweep", "--choice", "two-core"],
            &["runner", "test", "--choice"],
            &["runner", "soak", "--choice", "default"],
            &["runner", "--choice", "default", "sweep"],
        ] {
            assert_eq!(Cli::try_parse_from(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }
}
