//! `spi`, and its adapters: over a fake controller that panics at what no controller may do, such as a chip
//! select that rises under a running clock. There is a boundary before each access of the fake.

mod bus;
mod given_up;
mod rules;
mod shared;
mod stuck;
mod sweep;
#[expect(dead_code, reason = "the conformance tests use the rest of it")]
mod wire;

use fakes::spi::Line::{self, High, Low, Word};
use wouldblock::testing::Sweep;

/// The whole sweep, or the first places of it for a twin, each of whose failures keeps a thread.
const fn sized(sweep: Sweep<'_>, is_twin: bool) -> Sweep<'_> {
    if is_twin { sweep.limit(12) } else { sweep }
}

/// What a transaction with `device` is on the bus that sends these words.
fn selected(device: u16, words: &[u16]) -> Vec<Line> {
    let words = words.iter().map(|&word| Word(word));
    [Low(device)].into_iter().chain(words).chain([High(device)]).collect()
}

/// What a transaction with `device` is on the bus that writes 9, 8 and reads two bytes.
fn register_read(device: u16) -> Vec<Line> {
    selected(device, &[9, 8, 0xff, 0xff])
}
