//! `check`: lints and documentation of what boots, without a warning; the library built for targets
//! without an operating system, also without compare-and-swap; the library's sets of features.

use crate::{
    board::{self, BOARDS, Board},
    cargo,
    error::Result,
    features, folders,
    setup::{self, Needs},
    toolchain::Toolchain,
    ui,
};
use std::{path::PathBuf, process::Command};

/// The targets that the library must build for, apart from the firmware's own: Arm without and with
/// compare-and-swap, and RISC-V.
const LIBRARY_TARGETS: [&str; 3] =
    ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "riscv32imc-unknown-none-elf"];

/// The library's features that need no host, and those that need x86_64 besides.
const FEATURES: &str = "defmt,heapless,embedded-hal,embedded-hal-async,embedded-hal-nb,embedded-io,embedded-io-async,persist";
const X86_64_FEATURES: &str = "defmt,heapless,embedded-hal,embedded-hal-async,embedded-hal-nb,embedded-io,embedded-io-async,x86_64,critical-section-single-core,c-firmware";

/// Runs the checks. The first that fails ends the run.
pub fn run() -> Result<bool> {
    let boards: Vec<&Board> = BOARDS.iter().collect();
    let needs = Needs { targets: &LIBRARY_TARGETS, clippy: true, ..Needs::build(&boards) };
    let check = Check { toolchain: setup::tools(needs)?.toolchain };
    for board in boards {
        let what = |what| format!("firmware on {}: {what}", board.name);
        check.lint(&what("clippy"), check.firmware("clippy", board), board.target)?;
        check.document(&what("documentation"), check.firmware("doc", board), board.target)?;
    }
    let library = ["--package", "wouldblock", "--features", X86_64_FEATURES];
    let x86_64 = board::PC.target;
    check.lint("library on x86_64: clippy", check.library("clippy", &library), x86_64)?;
    check.document("library on x86_64: documentation", check.library("doc", &library), x86_64)?;
    check.build("library with no features", &LIBRARY_TARGETS, "")?;
    // On this RISC-V heapless 0.9 has a queue only with portable-atomic, which only a binary can choose.
    let arm = &LIBRARY_TARGETS[..2];
    check.build(&format!("library with {FEATURES}"), arm, FEATURES)?;
    features::check()?;
    ui::print("the bare-metal checks and the sets of features pass");
    Ok(true)
}

struct Check {
    toolchain: Toolchain,
}

impl Check {
    fn build(&self, what: &str, targets: &[&str], features: &str) -> Result<()> {
        let library = ["--package", "wouldblock", "--features", features];
        let mut build = self.library("build", &library);
        build.args(targets.iter().flat_map(|target| ["--target", target]));
        cargo::run(build, &format!("{what} on {}", targets.join(", "))).map(drop)
    }

    fn firmware(&self, subcommand: &str, board: &Board) -> Command {
        let mut command = self.command("qemu".into(), subcommand);
        command.args(board.packages.iter().flat_map(|package| ["--package", package]));
        command
    }

    fn library(&self, subcommand: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(PathBuf::new(), subcommand);
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
