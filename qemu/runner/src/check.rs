//! `check`: lints and documentation of what boots, without a warning; the library built for targets
//! without an operating system, also without compare-and-swap; the library's sets of features.

use crate::{
    cargo,
    error::Result,
    features, folders,
    setup::{self, Needs},
    toolchain::{TARGET, Toolchain},
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
    TARGET,
    "x86_64-unknown-uefi",
];

/// The library's features that need no host. What one of them needs of a processor, it leaves out on
/// the others.
const FEATURES: &str = "defmt,heapless,embedded-hal,embedded-hal-async,embedded-hal-nb,embedded-io,embedded-io-async,x86_64,cortex-m,riscv,critical-section-single-core,persist,c";
/// The same, and a panic handler.
const X86_64_FEATURES: &str = "defmt,heapless,embedded-hal,embedded-hal-async,embedded-hal-nb,embedded-io,embedded-io-async,x86_64,critical-section-single-core,c-firmware";

const NEEDS: Needs = Needs { targets: &LIBRARY_TARGETS, qemu: false, clippy: true, c: false };

/// Runs the checks. The first that fails ends the run.
pub fn run() -> Result<bool> {
    let check = Check { toolchain: setup::tools(NEEDS)?.toolchain };
    let library = ["--package", "wouldblock", "--features", X86_64_FEATURES];
    check.lint("board and firmware: clippy", check.firmware("clippy"))?;
    check.document("board and firmware: documentation", check.firmware("doc"))?;
    check.lint("library on x86_64: clippy", check.library("clippy", &library))?;
    check.document("library on x86_64: documentation", check.library("doc", &library))?;
    check.on_every_target("library with no features", "")?;
    check.on_every_target("library with every feature that needs no host", FEATURES)?;
    features::check()?;
    ui::print("the bare-metal checks and the sets of features pass");
    Ok(true)
}

struct Check {
    toolchain: Toolchain,
}

impl Check {
    /// Lints the library for all its targets at once, so that all of the host's cores have work. Code
    /// is not generated: for the boards' targets the firmware's build does that.
    fn on_every_target(&self, what: &str, features: &str) -> Result<()> {
        let mut clippy =
            self.library("clippy", &["--package", "wouldblock", "--features", features]);
        clippy.args(LIBRARY_TARGETS.iter().flat_map(|target| ["--target", target]));
        clippy.args(["--", "-D", "warnings"]);
        cargo::run(clippy, &format!("{what}: clippy for {} targets", LIBRARY_TARGETS.len()))
            .map(drop)
    }

    fn firmware(&self, subcommand: &str) -> Command {
        let mut command = self.command("qemu".into(), subcommand);
        command.arg("--workspace");
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

    fn lint(&self, what: &str, mut clippy: Command) -> Result<()> {
        clippy.args(["--target", TARGET, "--", "-D", "warnings"]);
        cargo::run(clippy, what).map(drop)
    }

    fn document(&self, what: &str, mut doc: Command) -> Result<()> {
        doc.args(["--target", TARGET, "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        cargo::run(doc, what).map(drop)
    }
}
