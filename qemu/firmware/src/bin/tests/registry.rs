//! The on-target tests: ordinary functions, registered where they are written, collected by the
//! linker.

use ::board::Board;
use linkme::distributed_slice;

/// All tests of the binary.
#[distributed_slice]
pub static TESTS: [Test];

/// A test: returns if it passed, panics if not.
pub struct Test {
    pub path: &'static str,
    /// What the machine must have.
    pub needs: Needs,
    /// Called with interrupts enabled, on a machine that has what it needs, once in a boot.
    pub run: fn(&'static Board),
}

/// What a machine must have to run a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Every machine will do.
    Nothing,
    /// A PCI bus with an edu device.
    Edu,
}

impl Test {
    /// Modules and function, without the crate: `uart::echo_one_byte`.
    pub fn name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_, rest)| rest)
    }

    /// Whether this machine has what the test needs.
    pub fn runs_on(&self, board: &Board) -> bool {
        match self.needs {
            Needs::Nothing => true,
            Needs::Edu => board.edu.is_some(),
        }
    }
}

/// The tests that this machine can run.
pub fn tests(board: &Board) -> impl Iterator<Item = &'static Test> {
    TESTS.iter().filter(|test| test.runs_on(board))
}

/// Registers a function of the module, `fn(&'static Board)`, as a test: `test!(name)` or
/// `test!(name, needs Edu)`.
macro_rules! test {
    ($function:ident) => {
        $crate::registry::test!($function, needs Nothing);
    };
    ($function:ident, needs $needs:ident) => {
        const _: () = {
            #[linkme::distributed_slice($crate::registry::TESTS)]
            static TEST: $crate::registry::Test = $crate::registry::Test {
                path: concat!(module_path!(), "::", stringify!($function)),
                needs: $crate::registry::Needs::$needs,
                run: $function,
            };
        };
    };
}
pub(crate) use test;
