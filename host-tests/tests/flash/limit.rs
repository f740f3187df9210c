//! A chip that stays busy: limits, and what comes after them.

use std::time::Duration;

use embedded_storage::nor_flash::{NorFlash as _, ReadNorFlash};
use fakes::nor_chip::{NorChip, SECTOR};
use wouldblock::{
    adapter::{For, NorFlash},
    flash::Error,
    testing::Sweep,
    time::Clock,
};

use crate::{
    clean,
    driver::{Flaw, Rig},
};

#[test]
fn a_limit_that_passes_leaves_the_step_to_the_next_call() {
    let report = Sweep::new("flash, a limit").needs(0).run(Rig::swept, |rig, cpu| {
        let limit = For::new(cpu, cpu.clock(), Duration::from_millis(20));
        let mut storage = NorFlash::new(rig.flash(Flaw::None), limit);
        let (clock, mut four) = (cpu.clock(), [0; 4]);
        let begun = clock.now();
        let end = storage.erase(0, 4 * SECTOR as u32); // Of which two events end two sectors at most.
        let passed = clock.now() - begun;
        assert_eq!(end, Err(Error::TimedOut));
        assert!((20..60).contains(&passed), "{passed} ms");
        assert!(!rig.chip.is_enabled(), "left armed");
        // What is left of two events does not end the erase's step and three fetches.
        assert_eq!(storage.read(8, &mut [0; 20]), Err(Error::TimedOut));
        (0..4).for_each(|_| rig.chip.event());
        assert_eq!(storage.read(4 * SECTOR as u32, &mut four), Ok(()));
        assert_eq!(four, std::array::from_fn(|n| NorChip::old(4 * SECTOR + n)));
    });
    clean(&report, 20);
}

#[test]
fn limits_of_nothing_and_of_years_are_limits() {
    let report = Sweep::new("flash, limits").needs(0).run(Rig::swept, |rig, cpu| {
        let limit = |duration| For::new(cpu, cpu.clock(), duration);
        let mut none = NorFlash::new(rig.flash(Flaw::None), limit(Duration::ZERO));
        assert_eq!(none.erase(0, 2 * SECTOR as u32), Err(Error::TimedOut), "one try");
        assert_eq!(none.erase(0, 0), Ok(()));
        assert_eq!(none.erase(0, 1), Err(Error::NotAligned));
        drop(none);
        (0..4).for_each(|_| rig.chip.event());
        let mut years = NorFlash::new(rig.flash(Flaw::None), limit(Duration::MAX));
        assert_eq!(years.erase(0, SECTOR as u32), Ok(()));
        assert_eq!(years.write(1, &[]), Err(Error::NotAligned));
    });
    println!("sweep: {report}");
    assert!(report.failures().is_empty(), "{report}");
}
