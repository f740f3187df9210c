//! Tests that fail on purpose, each in its own way. `list` does not report them; the runner's own
//! tests run each one and expect the failure to be detected.

#[cfg_attr(target_arch = "x86_64", path = "planted/x86_64.rs")]
#[cfg_attr(target_arch = "arm", path = "planted/arm.rs")]
#[cfg_attr(target_arch = "riscv32", path = "planted/riscv32.rs")]
mod machine;

use core::hint::spin_loop;

use board::{Board, exit};
use firmware::report::{self, Property, Report};

/// The planted test of that name (from the command line).
pub fn find(name: &str) -> Option<fn(&'static Board)> {
    Some(match name.strip_prefix("planted::")? {
        "panic" => panic,
        "hang" => hang,
        "fault" => fault,
        "fault_while_logging" => fault_while_logging,
        "silent_exit" => silent_exit,
        "wrong_property" => wrong_property,
        #[cfg(device = "serial")]
        "wrong_bytes" => wrong_bytes,
        name => return machine::find(name),
    })
}

fn panic(_: &'static Board) {
    panic!("planted");
}

fn hang(_: &'static Board) {
    loop {
        spin_loop();
    }
}

fn fault(_: &'static Board) {
    machine::fault();
}

fn fault_while_logging(_: &'static Board) {
    struct Faults;

    impl defmt::Format for Faults {
        fn format(&self, _: defmt::Formatter) {
            machine::fault();
        }
    }

    defmt::error!("half of a message, then {}", Faults);
}

fn silent_exit(_: &'static Board) {
    exit::silently()
}

/// Every machine has this property, and it is true. The host looks while the guest runs.
fn wrong_property(board: &'static Board) {
    let (object, property) = ("/machine", "mem-merge");
    report::send(&Report::Holds(Property { object, property, value: true }));
    report::send(&Report::Holds(Property { object, property, value: false }));
    hang(board);
}

#[cfg(device = "serial")]
fn wrong_bytes(_: &'static Board) {
    use firmware::report::{Port, Stream};
    use wouldblock::uart16550::{Register, Registers};

    report::send(&Report::Sends(Stream { port: Port::Com2, bytes: 1, seed: 1 }));
    board::serial::COM2.write(Register::Data, b'?');
}
