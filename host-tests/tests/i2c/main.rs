//! `i2c`, and its adapters: over a fake bus that panics at what no controller may do. There is a
//! boundary before each access of the fake.

mod rules;
mod shared;
mod stuck;
mod sweep;
#[expect(dead_code, reason = "the conformance tests use the rest of it")]
mod wire;

use wouldblock::testing::Sweep;

/// The whole sweep, or the first places of it for a twin, each of whose failures keeps a thread.
const fn sized(sweep: Sweep<'_>, is_twin: bool) -> Sweep<'_> {
    if is_twin { sweep.limit(12) } else { sweep }
}
