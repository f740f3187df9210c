//! What waiting costs, in instructions: `cargo bench --bench instructions`.
use std::process::ExitCode;

fn main() -> ExitCode {
    runner::child::end_with_the_runner();
    runner::finish(runner::bench::instructions::run())
}
