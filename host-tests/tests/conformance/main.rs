//! The conformance suites of `testing`: on this library's adapters, each with a broken twin for every
//! promise; and on implementations of other crates, which are unchanged.

mod can;
mod digital;
#[path = "../can/fake.rs"]
#[expect(dead_code, reason = "the tests of `can` use all of it")]
mod fake;
mod foreign;
#[path = "../../../qemu/drivers/src/can/frame.rs"]
mod frame;
mod i2c;
#[path = "../can/mailboxes.rs"]
#[expect(dead_code, reason = "the tests of `can` use all of it")]
mod mailboxes;
#[path = "../../../qemu/drivers/src/can/registers.rs"]
mod registers;
#[path = "../../../qemu/drivers/src/can/sja1000.rs"]
mod sja1000;
mod spi;
#[path = "../spi/wire.rs"]
#[expect(dead_code, reason = "the tests of `spi` use all of it")]
mod spi_wire;
#[path = "../i2c/wire.rs"]
#[expect(dead_code, reason = "the tests of `i2c` use all of it")]
mod wire;

use wouldblock::testing::conformance::Promises;

/// Prints the promises, and asserts that all are kept and checked.
#[track_caller]
fn clean(promises: &Promises) {
    println!("{promises}");
    promises.assert_clean();
    assert_eq!(promises.unchecked(), [""; 0]);
}

/// Prints the promises, and asserts that exactly these are broken.
#[track_caller]
fn breaks(promises: &Promises, broken: &[&str]) {
    println!("{promises}");
    assert_eq!(promises.broken(), broken, "{promises}");
}
