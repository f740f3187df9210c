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

/// What a machine must have to run a test. What every machine of the board has is not asked here:
/// the module of the test is built where the board has the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Every machine of the board will do.
    Nothing,
    /// A DMA engine.
    #[cfg(device = "dma")]
    Dma,
    /// The cards with CAN controllers.
    #[cfg(device = "can")]
    Can,
    /// A PCI bus.
    #[cfg(target_arch = "x86_64")]
    Pci,
}

impl Needs {
    /// What a machine lacks that does not have it.
    const fn lacking(self) -> &'static str {
        match self {
            Self::Nothing => "",
            #[cfg(device = "dma")]
            Self::Dma => NO_DMA,
            #[cfg(device = "can")]
            Self::Can => NO_CAN,
            #[cfg(target_arch = "x86_64")]
            Self::Pci => "no PCI bus",
        }
    }
}

/// A test that does not run, or a module of tests, and what the board lacks for it.
pub struct Lacking {
    pub name: &'static str,
    pub why: &'static str,
}

/// The modules of tests that are not built for this board.
const NOT_BUILT: &[(bool, Lacking)] = &[
    lacking(cfg!(device = "can"), "buses::can", NO_CAN),
    lacking(cfg!(device = "can"), "buses::canopen", NO_CAN),
    lacking(cfg!(device = "edu"), "board::edu", "no edu device"),
    lacking(cfg!(device = "flash"), "board::flash", "no flash controller"),
    lacking(cfg!(device = "serial"), "board::serial", NO_SERIAL),
    lacking(cfg!(device = "flash"), "buses::nor_flash", "no flash controller"),
    lacking(cfg!(device = "pins"), "buses::pins", "no pins that the host drives"),
    lacking(cfg!(device = "i2c"), "buses::i2c", "no I2C bus"),
    lacking(cfg!(device = "spi"), "buses::spi", "no SPI bus"),
    lacking(cfg!(device = "serial"), "library::composed", NO_SERIAL),
    lacking(cfg!(device = "serial"), "library::continuous", NO_SERIAL),
    lacking(cfg!(device = "dma"), "library::dma", NO_DMA),
    lacking(cfg!(device = "serial"), "library::edges", NO_SERIAL),
    lacking(cfg!(device = "serial"), "library::scope", NO_SERIAL),
    lacking(cfg!(device = "serial"), "library::uart", NO_SERIAL),
    lacking(cfg!(target_arch = "arm"), "board::nesting", NO_PRIORITIES),
    lacking(cfg!(target_arch = "arm"), "library::nested", NO_PRIORITIES),
    lacking(!cfg!(target_arch = "arm"), "library::unmasking", "a handler cannot let others in"),
    lacking(cfg!(target_arch = "x86_64"), "pc", "not a PC"),
];

const NO_SERIAL: &str = "no 16550";
const NO_PRIORITIES: &str = "no priorities of interrupts";
const NO_CAN: &str = "no CAN controllers";
const NO_DMA: &str = "no DMA engine";

const fn lacking(is_built: bool, name: &'static str, why: &'static str) -> (bool, Lacking) {
    (is_built, Lacking { name, why })
}

impl Test {
    /// Modules and function, without the crate: `uart::echo_one_byte`.
    pub fn name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_, rest)| rest)
    }

    /// Whether this machine has what the test needs.
    pub fn runs_here(&self) -> bool {
        match self.needs {
            Needs::Nothing => true,
            #[cfg(device = "dma")]
            Needs::Dma => drivers::dma::line().is_some(),
            #[cfg(device = "can")]
            Needs::Can => drivers::can::is_there(),
            #[cfg(target_arch = "x86_64")]
            Needs::Pci => board::board().pci.is_some(),
        }
    }
}

/// The tests that this machine can run.
pub fn tests() -> impl Iterator<Item = &'static Test> {
    TESTS.iter().filter(|test| test.runs_here())
}

/// The tests that it cannot run. A name without a function is that of a module.
pub fn lacking_here() -> impl Iterator<Item = Lacking> {
    let machine = TESTS.iter().filter(|test| !test.runs_here());
    let machine = machine.map(|test| Lacking { name: test.name(), why: test.needs.lacking() });
    let board = NOT_BUILT.iter().filter(|(is_built, _)| !is_built);
    machine.chain(board.map(|(_, lacking)| Lacking { ..*lacking }))
}

/// Registers a function of the module, `fn(&'static Board)`, as a test: `test!(name)` or
/// `test!(name, needs Dma)`.
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
