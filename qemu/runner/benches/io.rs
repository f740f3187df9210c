//! What a disk and a UART cost, in instructions: `cargo bench --bench io`.
use std::process::ExitCode;

fn main() -> ExitCode {
    runner::child::end_with_the_runner();
    runner::finish(runner::bench::io::run())
}
