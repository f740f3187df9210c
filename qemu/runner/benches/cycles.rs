//! What waiting costs, in real time on the host: `cargo bench --bench cycles`.
use std::process::ExitCode;

fn main() -> ExitCode {
    runner::child::end_with_the_runner();
    runner::finish(runner::bench::cycles::run())
}
