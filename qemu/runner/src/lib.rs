//! The host program behind `cargo run`.
//!
//! It finds or installs the bare-metal toolchain and QEMU, builds the firmware, boots it, decodes its
//! log and reads its reports. It runs on Linux.
//!
//! Each command boots one binary of the firmware:
//!
//! | command | module | binary |
//! |---|---|---|
//! | `tour`, `echo` | [`tour`], [`echo`] | `tour`; with `--html` also `picture` |
//! | `sweep` | [`sweep`] | `sweep` |
//! | `powerfail` | [`powerfail`] | `nvdimm` |
//! | `soak` | [`soak`] | `soak` |
//! | `test` | [`on_target`] | `tests` |
//! | `boards` | [`boards`] | none: it boots nothing |
//! | `check` | [`check`], [`features`] | none: it boots nothing |
//! | `c` | [`c`] | none: it boots nothing |
//! | `cargo bench --bench instructions` | `bench::instructions` | `bench`, `minimal` |
//! | `cargo bench --bench io` | `bench::io` | `io` |
//! | `cargo bench --bench cycles` | `bench::cycles` | none: it runs `host-tests/cycles` on the host |
//!
//! What the commands stand on, and where the modules are:
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`setup`], [`toolchain`], [`apt`] | the tools that a command needs: found, or installed |
//! | [`cargo`] | the second cargo, which builds for bare metal |
//! | [`choice`] | what the library in a firmware assumes of the cores |
//! | [`board`], [`pc`] | the boards, one row each; what the user chooses on the PC |
//! | [`choice`] | what a binary chooses by a `cfg` of the library |
//! | [`boot`] | what a boot is: the board, the firmware, what is plugged in |
//! | [`qemu`], [`guest`] | QEMU's command line; one running guest, which never outlives the runner |
//! | [`report`], [`log`], [`outcome`] | what the guest reports, logs, and how it ended |
//! | [`disk_image`] | what is on the guest's disk |
//! | [`flash_image`] | what is in the guest's flash chip |
//! | [`picture`] | the page that `tour --html` writes |
//! | [`tour`], [`table`], [`echo`] | every row of the model's table; a file through the UART and back |
//! | [`sweep`] | an interrupt at every instruction of every wait path |
//! | [`powerfail`], [`image`] | QEMU killed at random moments; the log that is then in its NVDIMM |
//! | [`soak`] | two million operations at random, every count exact |
//! | `bench` (a feature, for `cargo bench`) | instructions, bytes and times beside the peers |
//! | [`cycles`] | the program that measures real time for it |
//! | [`boards`] | the list of the boards |
//! | [`on_target`], [`trials`] | the on-target tests as ordinary test lines; tests with a line for each board |
//! | [`c`] | the library for programs in C, with its header |
//! | [`check`], [`features`] | lints, documentation and builds for bare metal; every two features |
//! | [`child`], [`output`], [`folders`], [`error`], [`ui`] | child processes, files, errors, the terminal |

pub mod apt;
#[cfg(feature = "bench")]
pub mod bench;
pub mod board;
pub mod boards;
pub mod boot;
pub mod c;
pub mod cargo;
pub mod check;
pub mod child;
pub mod choice;
pub mod cli;
pub mod cycles;
pub mod disk_image;
pub mod echo;
pub mod error;
pub mod fat_image;
pub mod features;
pub mod flash_image;
pub mod folders;
pub mod guest;
pub mod image;
pub mod log;
pub mod monitor;
pub mod on_target;
pub mod outcome;
pub mod output;
pub mod pc;
pub mod picture;
pub mod powerfail;
pub mod qemu;
pub mod report;
pub mod setup;
pub mod soak;
pub mod spi_images;
pub mod sweep;
pub mod table;
pub mod toolchain;
pub mod tour;
pub mod trials;
pub mod ui;

use boot::Options;
use cli::{Cli, Command};
use error::Result;
pub use folders::project;
use std::process::ExitCode;

/// Runs one command to its end and returns the exit code: 0, 1 (the run failed), 2 (bad input, or
/// something is missing) or 130 (interrupted).
pub fn run(cli: Cli) -> ExitCode {
    child::end_with_the_runner();
    finish(command(cli.command.unwrap_or_default(), cli.options))
}

fn command(command: Command, options: Options) -> Result<bool> {
    match command {
        Command::Tour(tour) => tour::run(&tour, &options),
        Command::Echo(echo) => echo::run(&echo, options),
        Command::Sweep(sweep) => sweep::run(&sweep, &options),
        Command::Powerfail(powerfail) => powerfail::run(&powerfail, options),
        Command::Soak(soak) => soak::run(&soak, &options),
        Command::Test(test) => {
            let (rounds, choice) = (test.repeat, test.choice);
            on_target::run(&test.into(), &options, choice, rounds)
        }
        Command::Boards => boards::run(&options),
        Command::Check => options.no_board("check").and_then(|()| check::run()),
        Command::C(c) => options.no_board("c").and_then(|()| c::run(&c)),
    }
}

/// The exit code of a command that passed, failed, or could not run. Why it could not run goes to
/// stderr.
pub fn finish(passed: Result<bool>) -> ExitCode {
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            ui::error(&error);
            error.exit_code()
        }
    }
}
