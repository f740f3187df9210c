//! The package `host-tests/cycles`, which measures real time: how it is built, and its lints.
//!
//! It is a workspace of its own. In the project's workspace, cargo would unite the features of all
//! packages, and the feature `testing` of the library puts other atomics in its place. So a plain
//! `cargo run` builds nothing of it, and `cargo clippy --workspace` does not see it.

use crate::{
    cargo,
    choice::Choice,
    error::{Error, Result},
    folders,
};
use std::process::Command;

const FOLDER: &str = "host-tests/cycles";

/// The host's cargo in that package, in the profile `release`. The compiler's options are those of the
/// choice and no others. Each choice has a target folder of its own, so what is built stays valid.
pub fn cargo(subcommand: &str, choice: Choice) -> Command {
    let flags = match choice {
        Choice::Default => "",
        Choice::SingleCore => "--cfg wouldblock_single_core",
    };
    let mut command = cargo::host(subcommand);
    command
        .current_dir(folders::project().join(FOLDER))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", flags)
        .args(["--quiet", "--locked", "--release", "--message-format", "json", "--target-dir"])
        .arg(folders::target("cycles").join(choice.name()));
    command
}

/// Format and lints.
pub fn check() -> Result<()> {
    let what = format!("{FOLDER}: format");
    let manifest = format!("{FOLDER}/Cargo.toml");
    let output = cargo::host("fmt").args(["--check", "--manifest-path", &manifest]).output();
    let output = output.map_err(|error| Error::run(&what, error, "check the toolchain"))?;
    if !output.status.success() {
        let advice = format!("run `cargo fmt --manifest-path {manifest}`");
        let differences = String::from_utf8_lossy(&output.stdout);
        let error = Error::run(what, output.status, advice).with("differences", &differences);
        return Err(error.with("cargo", &String::from_utf8_lossy(&output.stderr)));
    }
    for choice in Choice::ALL {
        let mut clippy = cargo("clippy", choice);
        clippy.args(["--", "-D", "warnings"]);
        cargo::run(clippy, &format!("{FOLDER} ({}): clippy", choice.name()))?;
    }
    Ok(())
}
