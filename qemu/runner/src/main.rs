//! `cargo run`: the command line of the runner.
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    runner::run(runner::cli::Cli::parse())
}
