//! The tests that run on the boards, as part of `cargo test`.
use libtest_mimic::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    runner::child::end_with_the_runner();
    runner::finish(runner::on_target::run_all(&arguments))
}
