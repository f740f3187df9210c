//! The contracts of the traits of `embedded-storage`, as checks of any implementation over the fake
//! chip: the adapter, and one that is written by hand, pass them in both colours. Each check catches a
//! broken one.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use embedded_storage_async::nor_flash as awaited;
use fakes::{
    idle::AtMost,
    leak,
    nor_chip::{CAPACITY, NorChip, PAGE, SECTOR},
};
use wouldblock::{adapter, event::Event, flash::Flash};

use crate::{
    by_hand::{Awaited, ByHand, Mistake},
    driver::{Driver, Flaw},
};

type Chip = Rc<NorChip>;
type Check<S> = (&'static str, fn(S, &Chip));

const END: u32 = CAPACITY as u32;
const ERASE: u32 = SECTOR as u32;

/// The checks of the calls, blocking or polled to their end.
fn calls<S: NorFlash>() -> Vec<Check<S>> {
    vec![
        ("a read is what is there", a_read_is_what_is_there),
        ("a write lands where it belongs", a_write_lands_where_it_belongs),
        ("an erase clears its sectors and no other", an_erase_clears_its_sectors),
        ("the chip is ready when a call returns", the_chip_is_ready_when_a_call_returns),
        ("out of bounds is refused", out_of_bounds_is_refused),
        ("what is not aligned is refused", what_is_not_aligned_is_refused),
        ("no bytes are no step", no_bytes_are_no_step),
        ("a failure is an error, and the next call works", a_failure_is_an_error),
    ]
}

/// The checks of calls that are dropped.
fn drops<S: awaited::NorFlash>() -> Vec<Check<S>> {
    vec![("after a drop at any poll the next call is right", after_a_drop_the_next_is_right)]
}

fn old(from: usize, length: usize) -> Vec<u8> {
    (from..from + length).map(NorChip::old).collect()
}

fn a_read_is_what_is_there<S: NorFlash>(mut flash: S, _: &Chip) {
    assert_eq!(flash.capacity(), CAPACITY);
    for (from, length) in [(0, 4), (8, 100), (CAPACITY - 4, 4), (0, CAPACITY)] {
        let mut bytes = vec![0; length];
        flash.read(from as u32, &mut bytes).unwrap();
        assert_eq!(bytes, old(from, length));
    }
}

fn a_write_lands_where_it_belongs<S: NorFlash>(mut flash: S, chip: &Chip) {
    flash.erase(0, END).unwrap();
    let mut expected = vec![0xff; CAPACITY];
    for (from, length) in [(0, 4), (PAGE - 4, 8), (2 * PAGE + 4, 3 * PAGE), (CAPACITY - PAGE, PAGE)]
    {
        let bytes: Vec<u8> = (0..length).map(|n| n as u8 + 1).collect();
        flash.write(from as u32, &bytes).unwrap();
        expected[from..][..length].copy_from_slice(&bytes);
        assert_eq!(chip.memory(), expected);
    }
}

fn an_erase_clears_its_sectors<S: NorFlash>(mut flash: S, chip: &Chip) {
    let mut expected = old(0, CAPACITY);
    for (from, to) in [(1, 2), (3, 6), (7, 8)].map(|(a, b)| (a * SECTOR, b * SECTOR)) {
        flash.erase(from as u32, to as u32).unwrap();
        expected[from..to].fill(0xff);
        assert_eq!(chip.memory(), expected);
    }
}

fn the_chip_is_ready_when_a_call_returns<S: NorFlash>(mut flash: S, chip: &Chip) {
    flash.erase(0, 2 * ERASE).unwrap();
    assert!(!chip.is_busy());
    flash.write(0, &[0; 3 * PAGE]).unwrap();
    assert!(!chip.is_busy());
}

fn out_of_bounds_is_refused<S: NorFlash>(mut flash: S, chip: &Chip) {
    let refused = |end: Result<(), S::Error>| {
        assert_eq!(end.map_err(|error| error.kind()), Err(NorFlashErrorKind::OutOfBounds));
    };
    for offset in [END - 4, END, END + 4, u32::MAX - 3] {
        refused(flash.read(offset, &mut [0; 8]));
        refused(flash.write(offset, &[0; 8]));
    }
    refused(flash.read(0, &mut [0; CAPACITY + 4]));
    refused(flash.read(END + 4, &mut []));
    for (from, to) in [(0, END + ERASE), (END, END + ERASE), (ERASE, 0), (END, 0), (0, u32::MAX)] {
        refused(flash.erase(from, to));
    }
    assert!(chip.log().is_empty() && chip.memory() == old(0, CAPACITY));
}

fn what_is_not_aligned_is_refused<S: NorFlash>(mut flash: S, chip: &Chip) {
    let refused = |end: Result<(), S::Error>| {
        assert_eq!(end.map_err(|error| error.kind()), Err(NorFlashErrorKind::NotAligned));
    };
    for (offset, length) in [(2, 4), (4, 2), (1, 3), (1, 0)] {
        refused(flash.read(offset, &mut [0; 4][..length]));
        refused(flash.write(offset, &[0; 4][..length]));
    }
    for (from, to) in [(4, ERASE), (0, 4), (4, 4 + ERASE), (4, 4)] {
        refused(flash.erase(from, to));
    }
    assert!(chip.log().is_empty() && chip.memory() == old(0, CAPACITY));
}

fn no_bytes_are_no_step<S: NorFlash>(mut flash: S, chip: &Chip) {
    // It stays busy for more looks than any call may make here.
    chip.hold();
    for offset in [0, ERASE, END] {
        flash.read(offset, &mut []).unwrap();
        flash.write(offset, &[]).unwrap();
        flash.erase(offset, offset).unwrap();
    }
    assert!(chip.log().is_empty());
}

fn a_failure_is_an_error<S: NorFlash>(mut flash: S, chip: &Chip) {
    chip.fail_once();
    assert!(flash.erase(0, 2 * ERASE).is_err());
    assert_eq!(chip.memory(), old(0, CAPACITY));
    chip.fail_once();
    assert!(flash.write(0, &[0; 2 * PAGE]).is_err());
    chip.fail_once();
    assert!(flash.read(0, &mut [0; PAGE]).is_err());
    flash.erase(0, ERASE).unwrap();
    assert_eq!(chip.memory()[..SECTOR], [0xff; SECTOR]);
}

/// Polls `call` this often, and drops it. Returns whether it had ended.
fn cut(call: impl Future, polls: u32) -> bool {
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).any(|_| !matches!(call.as_mut().poll(&mut context), Poll::Pending))
}

fn after_a_drop_the_next_is_right<S: awaited::NorFlash>(flash: S, chip: &Chip) {
    let mut flash = Awaited(flash);
    let (place, bytes) = (7 * ERASE, [0x11; 2 * PAGE]);
    for what in 0..3 {
        for polls in 0.. {
            let ended = match what {
                0 => cut(flash.0.erase(0, 2 * ERASE), polls),
                1 => cut(flash.0.write(8, &[0x77; 2 * PAGE]), polls),
                _ => cut(flash.0.read(4, &mut [0; 3 * PAGE]), polls),
            };
            let mut read = [0; 2 * PAGE];
            match polls % 3 {
                0 => flash.erase(place, END).unwrap(),
                1 => flash.write(place, &bytes).unwrap(),
                _ => flash.read(place, &mut read).unwrap(),
            }
            flash.erase(place, END).unwrap();
            flash.write(place, &bytes).unwrap();
            flash.read(place, &mut read).unwrap();
            assert_eq!(read, bytes, "{what}, {polls}");
            assert_eq!(chip.memory()[place as usize..][..bytes.len()], bytes);
            assert_eq!(chip.memory()[3 * SECTOR..7 * SECTOR], old(3 * SECTOR, 4 * SECTOR));
            if ended {
                break;
            }
        }
    }
}

fn chip() -> Chip {
    Rc::new(NorChip::busy_for(3))
}

/// The adapter, over a controller that has this flaw.
fn ours(flaw: Flaw) -> (adapter::NorFlash<'static, Driver, AtMost>, Chip) {
    let chip = chip();
    let waiter = leak(Event::new()).waiter().expect("the first");
    (adapter::NorFlash::new(Flash::new(Driver::new(&chip, flaw), waiter), AtMost(20_000)), chip)
}

fn by_hand(mistake: Mistake) -> (ByHand, Chip) {
    let chip = chip();
    (ByHand { chip: chip.clone(), mistake }, chip)
}

/// The names of the `checks` that panic.
fn panicking<S>(checks: &[Check<S>], make: impl Fn() -> (S, Chip)) -> Vec<&'static str> {
    let panics = |check: fn(S, &Chip)| {
        let (flash, chip) = make();
        catch_unwind(AssertUnwindSafe(|| check(flash, &chip))).is_err()
    };
    checks.iter().filter(|(_, check)| panics(*check)).map(|(name, _)| *name).collect()
}

/// The names of all checks that the flashes of `make` do not pass, blocking and awaited.
fn failures<S: NorFlash + awaited::NorFlash>(make: impl Fn() -> (S, Chip)) -> Vec<&'static str> {
    let awaited = || {
        let (flash, chip) = make();
        (Awaited(flash), chip)
    };
    [panicking(&calls(), &make), panicking(&calls(), awaited), panicking(&drops(), &make)].concat()
}

#[test]
fn the_adapter_keeps_the_contracts() {
    assert_eq!(failures(|| ours(Flaw::None)), [""; 0]);
}

#[test]
fn an_implementation_by_hand_keeps_them() {
    assert_eq!(failures(|| by_hand(Mistake::Nothing)), [""; 0]);
}

#[test]
fn each_check_catches_one_that_breaks_the_contract() {
    for (mistake, check) in [
        (Mistake::NoBounds, "out of bounds is refused"),
        (Mistake::WrongKind, "out of bounds is refused"),
        (Mistake::NoAlignment, "what is not aligned is refused"),
        (Mistake::AsksForNothing, "no bytes are no step"),
        (Mistake::OnePage, "a write lands where it belongs"),
        (Mistake::OneSector, "an erase clears its sectors and no other"),
        (Mistake::ReturnsEarly, "the chip is ready when a call returns"),
        (Mistake::IgnoresFailures, "a failure is an error, and the next call works"),
        (Mistake::NeverSettles, "after a drop at any poll the next call is right"),
    ] {
        let failed = failures(|| by_hand(mistake));
        assert!(failed.contains(&check), "{mistake:?}: {check}: {failed:?}");
    }
}

#[test]
fn the_checks_catch_a_driver_that_is_careless() {
    for (flaw, check) in [
        (Flaw::NeverSettles, "after a drop at any poll the next call is right"),
        (Flaw::KeepsFetched, "after a drop at any poll the next call is right"),
        (Flaw::ReadsNothing, "a read is what is there"),
    ] {
        let failed = failures(|| ours(flaw));
        assert!(failed.contains(&check), "{flaw:?}: {failed:?}");
    }
}
