//! `check`: lints and documentation of what boots, without a warning; the library built for targets
//! without an operating system, also without compare-and-swap; the library's sets of features; format and
//! lints of what measures real time.

use crate::{
    board::{self, BOARDS, Board},
    cargo, cycles,
    error::Result,
    features, folders,
    setup::{self, Needs},
    toolchain::Toolchain,
    ui,
};
use std::{path::PathBuf, process::Command};

/// The targets that the library must build for: those that people own.
const LIBRARY_TARGETS: [&str; 10] = [
    "aarch64-unknown-none",
    "riscv32imac-unknown-none-elf",
    "riscv32imc-unknown-none-elf", // no compare-and-swap
    "riscv64imac-unknown-none-elf",
    "thumbv6m-none-eabi", // no compare-and-swap
    "thumbv7em-none-eabihf",
    "thumbv7m-none-eabi",
    "thumbv8m.main-none-eabihf",
    "x86_64-unknown-none",
    "x86_64-unknown-uefi",
];

/// The library's features that need no host. What one of them needs of a processor, it leaves out on
/// the others.
const FEATURES: &str = "defmt,heapless,embedded-can,embedded-hal,embedded-hal-async,embedded-hal-nb,embedded-io,embedded-io-async,embedded-storage,embedded-storage-async,x86_64,cortex-m,riscv,critical-section-single-core,persist,c";
/// The same, and a panic handler.
const X86_64_FEATURES: &str = "defmt,heapless,embedded-can,embedded-hal,embedded-hal-async,embedded-hal-nb,embedded-io,embedded-io-async,embedded-storage,embedded-storage-async,x86_64,critical-section-single-core,c-firmware";

/// Runs the checks. The first that fails ends the run.
pub fn run() -> Result<bool> {
    let boards: Vec<&Board> = BOARDS.iter().collect();
    let needs = Needs { targets: &LIBRARY_TARGETS, clippy: true, ..Needs::build(&boards) };
    let check = Check { toolchain: setup::tools(needs)?.toolchain };
    // First what one cargo does for all targets: it builds their `core`s beside each other.
    check.on_every_target("clippy", "every feature that needs no host", FEATURES)?;
    check.on_every_target("build", "no features", "")?;
    check.on_every_target("build", "every feature that needs no host", FEATURES)?;
    let library = ["--package", "wouldblock", "--features", X86_64_FEATURES];
    let x86_64 = board::PC.target;
    check.lint("library on x86_64: clippy", check.library("clippy", &library), x86_64)?;
    check.document("library on x86_64: documentation", check.library("doc", &library), x86_64)?;
    for board in boards {
        let what = |what| format!("firmware on {}: {what}", board.name);
        check.lint(&what("clippy"), check.firmware("clippy", board), board.target)?;
        check.document(&what("documentation"), check.firmware("doc", board), board.target)?;
        if board.feature.is_some() {
            continue; // The programs of `size` are for a target.
        }
        let what = |what| format!("bench `size` on {}: {what}", board.name);
        check.lint(&what("clippy"), check.sizes("clippy"), board.target)?;
        if board.is_pc() {
            let mut library = check.sizes("doc");
            library.arg("--lib");
            check.document(&what("documentation"), library, board.target)?;
        }
    }
    cycles::check()?;
    features::check()?;
    ui::print("the bare-metal checks and the sets of features pass");
    Ok(true)
}

struct Check {
    toolchain: Toolchain,
}

impl Check {
    /// `build` or `clippy`, for all targets of the library at once, so that all of the host's cores have
    /// work.
    fn on_every_target(&self, subcommand: &str, what: &str, features: &str) -> Result<()> {
        let mut command =
            self.library(subcommand, &["--package", "wouldblock", "--features", features]);
        command.args(LIBRARY_TARGETS.iter().flat_map(|target| ["--target", target]));
        if subcommand == "clippy" {
            command.args(["--", "-D", "warnings"]);
        }
        let targets = LIBRARY_TARGETS.len();
        cargo::run(command, &format!("library with {what}: {subcommand} for {targets} targets"))
            .map(drop)
    }

    fn firmware(&self, subcommand: &str, board: &Board) -> Command {
        let mut command = self.command("qemu".into(), subcommand);
        // The documentation of what all boards share names the modules of all devices: the PC's.
        let shared = if board.is_pc() || subcommand != "doc" { &board::PACKAGES[..] } else { &[] };
        let packages = shared.iter().chain(board.packages);
        command.args(packages.flat_map(|package| ["--package", package]));
        if !board.is_pc() && subcommand != "doc" {
            command.arg("--lib").args(board::BINARIES.iter().flat_map(|name| ["--bin", name]));
        }
        if let Some(feature) = board.feature {
            // Only the board's crate is documented, so `board` is not among the packages.
            let package = if subcommand == "doc" { board.packages[0] } else { "board" };
            command.args(["--features", &format!("{package}/{feature}")]);
        }
        command
    }

    /// The programs that no board boots. They are not in the board's list of packages, where all but the
    /// PC's are checked with the binaries that every board has.
    fn sizes(&self, subcommand: &str) -> Command {
        let mut command = self.command("qemu".into(), subcommand);
        command.args(["--package", "sizes"]);
        command
    }

    /// With the firmware's profile, so that `core` is built once for both.
    fn library(&self, subcommand: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(PathBuf::new(), subcommand);
        command.env("CARGO_PROFILE_RELEASE_DEBUG", "2");
        command.env("CARGO_PROFILE_RELEASE_PANIC", "abort");
        command.args(arguments);
        command
    }

    fn command(&self, folder: PathBuf, subcommand: &str) -> Command {
        let mut command =
            cargo::command(&self.toolchain, &folders::project().join(folder), subcommand);
        command.arg("--release");
        command
    }

    fn lint(&self, what: &str, mut clippy: Command, target: &str) -> Result<()> {
        clippy.args(["--target", target, "--", "-D", "warnings"]);
        cargo::run(clippy, what).map(drop)
    }

    fn document(&self, what: &str, mut doc: Command, target: &str) -> Result<()> {
        doc.args(["--target", target, "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        cargo::run(doc, what).map(drop)
    }
}
