//! What an operation is in steps of the chip, and what bad input becomes.

use embedded_storage::nor_flash::{
    NorFlashError, NorFlashErrorKind, check_erase, check_read, check_write,
};
use fakes::{
    idle::AtMost,
    nor_chip::{CAPACITY, NorChip, PAGE, SECTOR, Step},
};
use proptest::prelude::*;
use wouldblock::{
    adapter::NorFlash,
    attempt::{self, Progress},
    block::Spin,
    flash::Error,
    nb,
    testing::check,
};

use crate::driver::{Flaw, Rig};

/// More tries than any operation takes here.
const ENOUGH: AtMost = AtMost(10_000);

#[test]
fn a_write_is_split_at_pages_and_an_erase_at_sectors() {
    let rig = Rig::polled();
    let mut flash = rig.flash(Flaw::None);
    let (sector, bytes) = (SECTOR as u32, [0x55; 2 * PAGE + 8]);
    assert_eq!(flash.erase(sector, 3 * sector).block(ENOUGH), Ok(()));
    assert_eq!(flash.write(sector + 8, &bytes).block(ENOUGH), Ok(()));
    let program = |offset: u32, length: usize| Step::Program(sector + offset, vec![0x55; length]);
    let steps = [Step::Erase(sector), Step::Erase(2 * sector), program(8, 8), program(16, 16)];
    assert_eq!(rig.chip.log(), [&steps[..], &[program(32, 16)]].concat());
    assert!(!rig.chip.is_enabled());
}

#[test]
fn progress_counts_what_the_chip_has_finished() {
    let rig = Rig::polled();
    let mut flash = rig.flash(Flaw::None);
    let mut erase = flash.erase(0, 2 * SECTOR as u32);
    let mut before = 0;
    while erase.attempt().is_err() {
        let done = rig.chip.memory().iter().take_while(|byte| **byte == 0xff).count();
        assert_eq!(erase.progress(), done, "{before}");
        before = done;
    }
    assert_eq!((before, erase.progress()), (SECTOR, 2 * SECTOR));
    // After its end nothing is begun.
    let log = rig.chip.log();
    assert!((0..10).all(|_| erase.attempt() == Err(nb::Error::WouldBlock)));
    assert_eq!(rig.chip.log(), log);
}

#[test]
fn no_bytes_are_no_step_also_of_a_busy_chip() {
    let rig = Rig::swept();
    let mut flash = rig.flash(Flaw::None);
    _ = flash.erase(0, SECTOR as u32).attempt();
    assert!(rig.chip.is_busy(), "for ever");
    for offset in [0, SECTOR as u32, CAPACITY as u32] {
        assert_eq!(flash.read(offset, &mut []).attempt(), Ok(()));
        assert_eq!(flash.write(offset, &[]).attempt(), Ok(()));
        assert_eq!(flash.erase(offset, offset).attempt(), Ok(()));
    }
    assert_eq!(rig.chip.log().len(), 1);
}

#[test]
fn an_error_of_the_chip_ends_the_operation_and_is_no_other_ones() {
    let rig = Rig::polled();
    let mut flash = rig.flash(Flaw::None);
    let failed = Err(Error::Chip(NorFlashErrorKind::Other));
    rig.chip.fail_once();
    assert_eq!(flash.erase(0, 3 * SECTOR as u32).block(ENOUGH), failed);
    assert_eq!(rig.chip.log(), [Step::Erase(0)], "the rest is left out");
    rig.chip.fail_once();
    assert_eq!(flash.read(0, &mut [0; 16]).block(ENOUGH), failed);
    // Of one that is given up.
    rig.chip.fail_once();
    _ = flash.erase(0, SECTOR as u32).attempt();
    let mut four = [0; 4];
    assert_eq!(flash.read(8, &mut four).block(ENOUGH), Ok(()));
    assert_eq!(four, std::array::from_fn(|n| NorChip::old(8 + n)));
}

/// Otherwise one try would last for ever.
#[test]
fn a_read_of_nothing_is_not_yet() {
    let rig = Rig::polled();
    let mut flash = rig.flash(Flaw::ReadsNothing);
    assert_eq!(flash.read(0, &mut [0; 4]).attempt(), Err(nb::Error::WouldBlock));
}

#[test]
fn a_read_of_more_than_there_is_room_for_is_all_of_it() {
    let rig = Rig::polled();
    let mut flash = rig.flash(Flaw::ReadsTooMuch);
    let mut bytes = [0; 4];
    let mut read = flash.read(0, &mut bytes);
    assert_eq!((read.block(ENOUGH), read.progress()), (Ok(()), 4));
}

#[test]
fn errors_say_what_they_are() {
    let kind = |error: Error<NorFlashErrorKind>| error.kind();
    assert_eq!(kind(Error::NotAligned), NorFlashErrorKind::NotAligned);
    assert_eq!(kind(Error::OutOfBounds), NorFlashErrorKind::OutOfBounds);
    assert_eq!(kind(Error::TimedOut), NorFlashErrorKind::Other);
    assert_eq!(kind(Error::Chip(NorFlashErrorKind::NotAligned)), NorFlashErrorKind::NotAligned);
    assert_eq!(Error::<NorFlashErrorKind>::TimedOut.to_string(), "timed out");
}

/// Offsets at which something may go wrong, and others.
fn offsets() -> impl Strategy<Value = u32> {
    let near = |place: u32| (0..6_u32).prop_map(move |n| place.wrapping_sub(3).wrapping_add(n));
    let sector = (0..12_u32).prop_map(|n| n * SECTOR as u32);
    prop_oneof![near(0), near(CAPACITY as u32), near(1 << 31), sector, any::<u32>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is refused, and how, is what the helpers of `embedded-storage` say; and then no step was
    /// begun.
    #[test]
    fn ranges_are_refused_as_the_trait_says(from in offsets(), to in offsets(), length in 0..100_usize) {
        let rig = Rig::polled();
        let storage = NorFlash::new(rig.flash(Flaw::None), Spin);
        let allowed = (
            check_read(&storage, from, length),
            check_write(&storage, from, length),
            check_erase(&storage, from, to),
        );
        drop(storage);
        let mut flash = rig.flash(Flaw::None);
        let mut bytes = vec![0; length];
        let is_refused = |end: nb::Result<(), Error<_>>, allowed: Result<(), NorFlashErrorKind>| {
            match end {
                Err(nb::Error::Other(error)) => allowed == Err(error.kind()),
                _ => allowed.is_ok(),
            }
        };
        prop_assert!(is_refused(flash.read(from, &mut bytes).attempt(), allowed.0));
        prop_assert!(is_refused(flash.write(from, &bytes).attempt(), allowed.1));
        prop_assert!(is_refused(flash.erase(from, to).attempt(), allowed.2));
        let begun = rig.chip.log().len();
        prop_assert!(begun == 0 || [allowed.0, allowed.1, allowed.2].iter().any(Result::is_ok));
    }

    /// Any operations, each of which may be given up after some tries: the chip has what a model has.
    #[test]
    fn the_chip_has_what_was_written(
        operations in prop::collection::vec((0..3_u8, 0..128_usize, 0..40_usize, any::<u8>()), 1..20)
    ) {
        let rig = Rig::polled();
        let mut flash = rig.flash(Flaw::None);
        let mut model: Vec<u8> = (0..CAPACITY).map(NorChip::old).collect();
        for (kind, word, words, byte) in operations {
            let words = words.min(128 - word);
            let (offset, length) = (4 * word, 4 * words);
            let bytes: Vec<u8> = (0..length).map(|n| byte.wrapping_add(n as u8)).collect();
            match kind {
                0 => {
                    prop_assert_eq!(flash.write(offset as u32, &bytes).block(ENOUGH), Ok(()));
                    model[offset..][..length].iter_mut().zip(bytes).for_each(|(old, new)| *old &= new);
                }
                1 => {
                    let from = offset / SECTOR * SECTOR;
                    let to = (offset + length) / SECTOR * SECTOR;
                    prop_assert_eq!(flash.erase(from as u32, to as u32).block(ENOUGH), Ok(()));
                    model[from..to].fill(0xff);
                }
                _ => {
                    let mut bytes = bytes;
                    prop_assert_eq!(flash.read(offset as u32, &mut bytes).block(ENOUGH), Ok(()));
                    prop_assert_eq!(&bytes, &model[offset..][..length]);
                }
            }
            prop_assert!(!rig.chip.is_busy());
            prop_assert_eq!(rig.chip.memory(), &model[..]);
        }
    }
}

#[test]
fn a_try_that_would_block_loses_nothing() {
    let rig = Rig::swept();
    let mut flash = rig.flash(Flaw::None);
    let mut erase = flash.erase(0, SECTOR as u32);
    assert_eq!(erase.attempt(), Err(nb::Error::WouldBlock));
    let state = || (rig.chip.log(), rig.chip.memory());
    let mut tries = attempt::from_fn(|| erase.attempt());
    assert_eq!(check::tries_lose_nothing(&mut tries, 10, state), Ok(()));
}
