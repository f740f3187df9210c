//! A path with many instructions in a row at each of which interrupts are let in; and placements that
//! are wrong on purpose, which must be found to leave some of them out.

use core::{arch::asm, convert::Infallible};

use board::{alarm::STEP, idle::Park};
use wouldblock::attempt;

use crate::{
    of_units,
    placement::{Pace, Path, Swept, waits},
    units::LEFT,
};

pub const PATHS: &[Path] = &[of_units("a row of instructions", row)];

/// The instructions of the row.
const ROW: u32 = 100;

/// Paces that skip boundaries, with their names in the report.
pub const TWINS: &[(&str, Pace)] = &[
    ("placement: two instructions at a time", Pace { step: 2 * STEP, grain: 1 }),
    ("placement: three instructions at a time", Pace { step: 3 * STEP, grain: 1 }),
    (
        "placement: an alarm that comes at every fourth instruction",
        Pace { step: STEP, grain: 4 * STEP },
    ),
];

fn row() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        // SAFETY: they do nothing.
        unsafe {
            asm!(".rept {n}", "nop", ".endr", n = const ROW, options(nomem, nostack));
        }
        let Ok::<(), Infallible>(()) =
            waiter.operation(attempt::from_fn(|| LEFT.take())).block(Park);
    });
}

/// Sweeps the row at a pace. What is lost are the boundaries found to be skipped; none if the checks
/// of this board do not agree.
pub fn sweep_at(pace: Pace) -> Swept {
    let (swept, skipped, stepped) = PATHS[0].sweep_at(pace, ROW);
    let found = stepped.is_none_or(|stepped| stepped == (skipped > 0));
    Swept { lost: if found { skipped } else { 0 }, ..swept }
}
