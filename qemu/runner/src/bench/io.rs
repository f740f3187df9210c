//! `cargo bench --bench io`: what a disk and a UART cost, in instructions.
//!
//! The firmware `io` counts, in the profile `release`. What the library takes is exact and repeats to
//! the digit, since the guest itself decides when an interrupt comes in. How long the disk takes does
//! not repeat: QEMU does its work, and throttles it, by the host's clock. So the share of time that is
//! left to the foreground is given twice: exactly, for a disk that takes a stated time, and as
//! measured in a run. Only exact figures have bounds.

use super::{
    code::{Code, Counted},
    rows::{
        Bounds,
        Limit::{Share, Times, Value},
        Place, Profile, Row,
    },
};
use crate::{
    board,
    boot::{Disk, Options, Rig},
    choice::Choice,
    error::{Error, Result},
};
use std::{io::Write, time::Duration};

/// The bench takes seconds; a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(300);

/// The size of the image. All of it is read.
const IMAGE: usize = 1 << 20;

/// QEMU's throttling: one read per millisecond, after the first hundred or so.
const SLOW: &str = "throttling.iops-total=1000";

const IN_THE_BACKGROUND: &str = "bytes, in the background";

const BOUNDS: Bounds = Bounds {
    bounds: &[
        ("disk_read_1", "read_blocks, its wait left out", Times(1.00, 1.00)),
        ("disk_read_32", "disk_read_1", Times(1.10, 1.10)),
        ("disk_left_1", "of 100 us a read", Share(0.95)),
        ("disk_left_2", "of 100 us a read", Share(0.95)),
        ("disk_left_4", "of 100 us a read", Share(0.95)),
        ("disk_left_8", "of 100 us a read", Share(0.95)),
        ("disk_left_16", "of 100 us a read", Share(0.95)),
        ("disk_left_32", "of 100 us a read", Share(0.95)),
        // Instructions for a byte, an interrupt for eight.
        ("uart_receive", IN_THE_BACKGROUND, Times(56.0, 56.0)),
        // For 512 bytes: the chip interrupts at 8 received bytes, and takes 16 to send.
        ("uart_receive_interrupts", IN_THE_BACKGROUND, Value(64)),
        ("uart_send_interrupts", IN_THE_BACKGROUND, Value(32)),
    ],
    choices: &[Choice::Default],
    profiles: &[Profile::P],
};

/// Counts, prints the table and writes the result. Returns whether every bound is met.
pub fn run() -> Result<bool> {
    let file = Place::begin("io.json")?;
    let rig = Rig::set_up("io", board::PC, Options::default())?;
    let code = Code::read(&rig.firmware.elf)?;
    let failed = |error| Error::run("cannot make an image", error, "check the temporary folder");
    let mut image = tempfile::NamedTempFile::new().map_err(failed)?;
    image.write_all(&vec![0; IMAGE]).map_err(failed)?;

    let mut counted = Counted::default();
    for command in ["disk", "dma", "uart"] {
        let mut boot = rig.boot(command, LIMIT);
        if command == "disk" {
            boot.disk = Some(Disk { image: image.path().into(), properties: vec![SLOW] });
        }
        code.count(&boot, &mut counted)?;
    }
    let row = |figure| Row::new(board::PC, BOUNDS.choices[0], BOUNDS.profiles[0], figure);
    let rows: Vec<Row> = counted.figures.into_iter().map(row).collect();
    BOUNDS.conclude(&rows, file)
}
