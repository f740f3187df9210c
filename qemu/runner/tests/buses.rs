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

/// A crate, the board on which it runs, and the on-target tests in which it does.
type Driver = (&'static str, &'static str, &'static [&'static str]);

const DRIVERS: &[Driver] = &[
    ("lm75", "ast1030", &["i2c::drivers::lm75_reads_the_temperature"]),
    ("tmp1x2", "ast1030", &["i2c::drivers::tmp1x2_reads_a_temperature_below_zero"]),
    ("tmp1075", "ast1030", &["i2c::drivers::tmp1075_is_awaited"]),
    ("eeprom24x", "ast1030", &["i2c::drivers::eeprom24x_keeps_its_pages"]),
    ("ds1307", "ast1030", &["i2c::drivers::ds1307_tells_the_time_that_the_host_has_set"]),
    ("port-expander", "ast1030", &["i2c::drivers::port_expander_drives_pins_that_come_back"]),
    // One is blocking, one is awaited.
    (
        "lm75 and tmp1075 on one bus",
        "ast1030",
        &[
            "i2c::drivers::all_on_one_bus",
            "i2c::shared::a_blocking_driver_beside_an_awaited_one_of_a_higher_priority",
        ],
    ),
    (
        "embedded-storage",
        "ast1030",
        &["nor_flash::drivers::embedded_storage_writes_over_a_sectors_end"],
    ),
    (
        "sequential-storage",
        "ast1030",
        &[
            "nor_flash::drivers::sequential_storage_keeps_a_map",
            "nor_flash::drivers::sequential_storage_keeps_its_map_when_calls_are_dropped",
        ],
    ),
    // Blocking, awaited, and both on one bus.
    (
        "w25q32jv",
        "sifive_u",
        &[
            "spi::drivers::w25q32jv_blocks_asleep",
            "spi::drivers::w25q32jv_is_awaited",
            "spi::shared::a_blocking_driver_beside_an_awaited_one_of_a_higher_priority",
        ],
    ),
    ("embedded-sdmmc", "sifive_u", &["spi::card::embedded_sdmmc_reads_and_writes_files"]),
    ("canopen-rs", "pc", CANOPEN),
    ("canopen-rs", "virt", CANOPEN),
    ("canopen-rs", "virt-imc", CANOPEN),
];

const CANOPEN: &[&str] = &["canopen::a_client_blocks_and_a_server_awaits"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    child::end_with_the_runner();
    let lock = fs::read_to_string(folders::project().join("qemu/Cargo.lock"));
    let packages = Arc::new(packages(&lock.expect("the lock file of what boots")));
    let (boards, ignored) = trials::boards();
    let mut tests = Vec::new();
    for board in boards {
        let rig = Arc::new(OnceLock::new());
        for &(driver, _, names) in DRIVERS.iter().filter(|(_, on, _)| *on == board.name) {
            let (rig, packages) = (rig.clone(), packages.clone());
            let versions = crates(driver).map(|name| version(&packages, name)).collect();
            let versions: Result<Vec<_>, _> = versions;
            let said = versions.as_ref().map_or(driver.to_owned(), |versions| {
                crates(driver).zip(versions).fold(driver.to_owned(), |said, (name, version)| {
                    said.replacen(name, &format!("{name} {version}"), 1)
                })
            });
            tests.push(Trial::test(format!("{}: {said}", board.name), move || {
                versions?;
                let rig = rig.get_or_init(|| set_up(board));
                names.iter().try_for_each(|name| boot(rig, name))
            }));
        }
    }
    for ignored in ignored {
        let (name, advice) = (ignored.name(), ignored.advice);
        tests.push(Trial::test(name, || Err(Failed::from(advice))).with_ignored_flag(true));
    }
    libtest_mimic::run(&arguments, tests).exit_code()
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

/// The crates in the name of a line.
fn crates(driver: &str) -> impl Iterator<Item = &str> {
    driver.split(" on ").take(1).flat_map(|crates| crates.split(" and "))
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
