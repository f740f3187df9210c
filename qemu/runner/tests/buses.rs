//! Drivers of other authors on the buses of the boards: one line for each crate and board. Each is the
//! one from crates.io, unchanged, and runs in a boot of its own, against what the host has set or reads.

use libtest_mimic::{Arguments, Failed, Trial};
use runner::{
    board::Board,
    boot::{Options, Rig},
    child, folders,
    guest::Run,
    on_target, trials,
};
use std::{
    fs,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

/// Crates that run together, the board on which they do, and the on-target tests.
struct Driver {
    /// Several are on one bus.
    crates: &'static [&'static str],
    board: &'static str,
    tests: &'static [&'static str],
}

const DRIVERS: &[Driver] = &[
    Driver {
        crates: &["lm75"],
        board: "ast1030",
        tests: &["i2c::drivers::lm75_reads_the_temperature"],
    },
    Driver {
        crates: &["tmp1x2"],
        board: "ast1030",
        tests: &["i2c::drivers::tmp1x2_reads_a_temperature_below_zero"],
    },
    Driver { crates: &["tmp1075"], board: "ast1030", tests: &["i2c::drivers::tmp1075_is_awaited"] },
    Driver {
        crates: &["eeprom24x"],
        board: "ast1030",
        tests: &["i2c::drivers::eeprom24x_keeps_its_pages"],
    },
    Driver {
        crates: &["ds1307"],
        board: "ast1030",
        tests: &["i2c::drivers::ds1307_tells_the_time_that_the_host_has_set"],
    },
    Driver {
        crates: &["port-expander"],
        board: "ast1030",
        tests: &["i2c::drivers::port_expander_drives_pins_that_come_back"],
    },
    // One is blocking, one is awaited.
    Driver {
        crates: &["lm75", "tmp1075"],
        board: "ast1030",
        tests: &[
            "i2c::drivers::all_on_one_bus",
            "i2c::shared::a_blocking_driver_beside_an_awaited_one_of_a_higher_priority",
        ],
    },
    Driver {
        crates: &["embedded-storage"],
        board: "ast1030",
        tests: &["nor_flash::drivers::embedded_storage_writes_over_a_sectors_end"],
    },
    Driver {
        crates: &["sequential-storage"],
        board: "ast1030",
        tests: &[
            "nor_flash::drivers::sequential_storage_keeps_a_map",
            "nor_flash::drivers::sequential_storage_keeps_its_map_when_calls_are_dropped",
        ],
    },
    // Blocking, awaited, and both on one bus.
    Driver {
        crates: &["w25q32jv"],
        board: "sifive_u",
        tests: &[
            "spi::drivers::w25q32jv_blocks_asleep",
            "spi::drivers::w25q32jv_is_awaited",
            "spi::shared::a_blocking_driver_beside_an_awaited_one_of_a_higher_priority",
        ],
    },
    Driver {
        crates: &["embedded-sdmmc"],
        board: "sifive_u",
        tests: &["spi::card::embedded_sdmmc_reads_and_writes_files"],
    },
    Driver { crates: &["canopen-rs"], board: "pc", tests: CANOPEN },
    Driver { crates: &["canopen-rs"], board: "virt", tests: CANOPEN },
    Driver { crates: &["canopen-rs"], board: "virt-imc", tests: CANOPEN },
];

const CANOPEN: &[&str] = &["canopen::a_client_blocks_and_a_server_awaits"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    child::end_with_the_runner();
    let lock = fs::read_to_string(folders::project().join("qemu/Cargo.lock"));
    let packages = packages(&lock.expect("the lock file of what boots"));
    let (boards, ignored) = trials::boards();
    let mut tests = Vec::new();
    for board in boards {
        let rig = Arc::new(OnceLock::new());
        for driver in DRIVERS.iter().filter(|driver| driver.board == board.name) {
            let rig = rig.clone();
            let (name, versions) = driver.name(&packages);
            tests.push(Trial::test(name, move || {
                versions?;
                let rig = rig.get_or_init(|| set_up(board));
                driver.tests.iter().try_for_each(|name| boot(rig, name))
            }));
        }
    }
    for ignored in ignored {
        let (name, advice) = (ignored.name(), ignored.advice);
        tests.push(Trial::test(name, || Err(Failed::from(advice))).with_ignored_flag(true));
    }
    libtest_mimic::run(&arguments, tests).exit_code()
}

impl Driver {
    /// The name of its line, and what is wrong with its crates.
    fn name(&self, packages: &[Package]) -> (String, Result<(), Failed>) {
        let mut end = Ok(());
        let named = self.crates.iter().map(|name| match version(packages, name) {
            Ok(version) => format!("{name} {version}"),
            Err(wrong) => {
                end = Err(wrong);
                name.to_string()
            }
        });
        let crates = named.collect::<Vec<_>>().join(", ");
        let together = if self.crates.len() > 1 { " (one bus)" } else { "" };
        (format!("{}: {crates}{together}", self.board), end)
    }
}

fn set_up(board: &'static Board) -> Rig {
    Rig::set_up("tests", board, Options::default()).expect("the firmware with the tests")
}

/// Boots one on-target test.
fn boot(rig: &Rig, name: &str) -> Result<(), Failed> {
    let irq = rig.options.irq(rig.board);
    let run = on_target::boot(rig, irq, &format!("buses::{name}")).and_then(Run::success);
    run.map(drop).map_err(Failed::from)
}

/// The version of a crate that is the one from crates.io.
fn version(packages: &[Package], name: &str) -> Result<String, Failed> {
    let found: Vec<_> = packages.iter().filter(|package| package.name == name).collect();
    match found[..] {
        [package] if package.is_from_crates_io => Ok(package.version.clone()),
        [_] => Err(format!("{name} is not the one from crates.io").into()),
        _ => Err(format!("qemu/Cargo.lock has {} packages {name}", found.len()).into()),
    }
}

/// A package of a lock file.
struct Package {
    name: String,
    version: String,
    /// With the checksum of its content.
    is_from_crates_io: bool,
}

fn packages(lock: &str) -> Vec<Package> {
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let package = |package| {
        let source = value(package, "source");
        Some(Package {
            name: value(package, "name")?,
            version: value(package, "version")?,
            is_from_crates_io: value(package, "checksum").is_some()
                && source.is_some_and(|source| source.starts_with("registry+")),
        })
    };
    lock.split("[[package]]").filter_map(package).collect()
}
