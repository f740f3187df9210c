//! An interrupt at every instruction of every wait path: none is lost, and every path that is broken
//! on purpose is found.

use runner::{board::PC, sweep::Swept};

/// The least number of paths and of twins, so that none is removed unnoticed.
const PATHS: usize = 41;
const TWINS: usize = 15;
/// The total with both controllers and all pairs of events, rounded down.
const PLACEMENTS: u64 = 3_000_000;

#[test]
fn no_interrupt_is_lost_at_any_instruction_and_every_broken_twin_is_caught() {
    let swept = Swept::on(PC).expect("a sweep that reaches its end");
    swept.lines().for_each(|line| println!("{line}"));
    assert!(swept.holds(), "{}", swept.verdict());
    assert!(swept.paths.len() >= PATHS && swept.twins.len() >= TWINS);
    assert!(swept.paths.iter().all(|path| path.addresses > 50 && path.placements > path.addresses));
    let placements: u64 = swept.paths.iter().map(|path| path.placements).sum();
    assert!(placements > PLACEMENTS, "{placements}");
}
