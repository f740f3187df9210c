//! What waiting costs, in bytes of flash and RAM: `cargo bench --bench size`.
use std::process::ExitCode;

fn main() -> ExitCode {
    runner::child::end_with_the_runner();
    runner::finish(runner::bench::size::run())
}
