//! Tests with one line for each board, as a part of `cargo test`.
//!
//! Problem: a board needs its own QEMU, and not everybody who runs the tests may install it. The tests
//! of such a board are ignored, and their line says how to install what is missing. In CI that is an
//! error.

use crate::{
    board::{BOARDS, Board},
    child,
    setup::{self, Needs},
};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

/// A board whose tests are ignored.
#[derive(Clone, Debug)]
pub struct Ignored {
    /// The board.
    pub board: &'static Board,
    /// How to install what is missing.
    pub advice: String,
}

impl Ignored {
    /// The name of its line.
    pub fn name(&self) -> String {
        format!("{} ({})", self.board.name, self.advice)
    }
}

/// The boards whose tests run, and the others.
pub fn boards() -> (Vec<&'static Board>, Vec<Ignored>) {
    let (mut boards, mut ignored) = (Vec::new(), Vec::new());
    for board in &BOARDS {
        match setup::reason_to_ignore(Needs::boot(&[board])) {
            None => boards.push(board),
            Some(advice) => ignored.push(Ignored { board, advice }),
        }
    }
    (boards, ignored)
}

/// A test: its name, and what panics if it fails.
pub type Test = (&'static str, fn(&'static Board));

/// The main function of a test program: runs each test on each board.
pub fn main(tests: &[Test]) -> ExitCode {
    main_with(tests, &[])
}

/// The same, with tests that run on one board: its name, and the test.
pub fn main_with(tests: &[Test], of_one_board: &[(&str, Test)]) -> ExitCode {
    let arguments = Arguments::from_args();
    child::end_with_the_runner();
    let (boards, ignored) = boards();
    let mut trials = Vec::new();
    for board in boards {
        let only =
            of_one_board.iter().filter(|(name, _)| *name == board.name).map(|(_, test)| test);
        for &(name, test) in tests.iter().chain(only) {
            trials.push(Trial::test(format!("{}::{name}", board.name), move || {
                test(board);
                Ok(())
            }));
        }
    }
    for ignored in ignored {
        let (name, advice) = (ignored.name(), ignored.advice);
        trials.push(Trial::test(name, || Err(Failed::from(advice))).with_ignored_flag(true));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
