//! Operations in every form, and what bad input becomes.

use board::{Board, alarm, counter::clock, idle::Park, interrupts::without_interrupts};
use firmware::task;
use report::Xorshift;
use wouldblock::{
    attempt::Progress,
    block::Spin,
    event::{Operation, wait::Wait},
    flash::{Controller, Error, Flash},
};

use super::{SECTOR, Slow, has, is_erased, some};

/// How a test waits.
#[derive(Clone, Copy, Debug)]
enum Form {
    Spinning,
    Asleep,
    Masked,
    Bounded,
    Awaited,
    Tried,
}

impl Form {
    const ALL: [Self; 6] =
        [Self::Spinning, Self::Asleep, Self::Masked, Self::Bounded, Self::Awaited, Self::Tried];

    fn run<W: Wait<Output = ()> + Progress>(self, mut operation: Operation<W>, bytes: usize) {
        let ended = match self {
            Self::Spinning => operation.block(Spin).is_ok(),
            Self::Asleep => operation.block(Park).is_ok(),
            Self::Masked => without_interrupts(|| operation.block(Park)).is_ok(),
            Self::Bounded => {
                let long = core::time::Duration::from_secs(1);
                operation.block_for(alarm::park_until(), clock(), long).is_ok()
            }
            Self::Awaited => task::block_on(&mut operation).is_ok(),
            Self::Tried => (0..100).any(|_| operation.attempt().is_ok()),
        };
        assert!(ended, "{self:?}");
        assert_eq!(operation.progress(), bytes, "{self:?}");
    }
}

/// Erases three sectors, writes over the end of one, and reads that; between neighbours that stay.
fn erase_write_read(flash: &mut Flash<'_, impl Controller>, form: Form, seed: u8) {
    const LENGTH: usize = 1000;
    let (from, to) = (8 * SECTOR, 11 * SECTOR);
    let neighbours = [from - 4, to];
    for place in neighbours {
        let sector = place / SECTOR * SECTOR;
        form.run(flash.erase(sector, sector + SECTOR), SECTOR as usize);
        form.run(flash.write(place, b"stay"), 4);
    }
    form.run(flash.write(from, &[0; 300]), 300);
    form.run(flash.erase(from, to), 3 * SECTOR as usize);
    assert!(is_erased(from..to), "{form:?}");
    let (place, bytes) = (from + SECTOR - 333, some::<LENGTH>(seed));
    form.run(flash.write(place, &bytes), LENGTH);
    assert!(has(place, &bytes), "{form:?}");
    assert!(is_erased(from..place) && is_erased(place + LENGTH as u32..to), "{form:?}");
    assert!(neighbours.iter().all(|place| has(*place, b"stay")), "{form:?}");
    let mut read = [0; LENGTH];
    form.run(flash.read(place, &mut read), LENGTH);
    assert_eq!(read, bytes, "{form:?}");
}

fn every_form_writes_what_the_processor_sees(_: &'static Board) {
    let mut flash = drivers::nor_flash::take().expect("the first");
    assert!(drivers::nor_flash::take().is_none(), "there is one");
    for (seed, form) in Form::ALL.into_iter().enumerate() {
        erase_write_read(&mut flash, form, seed as u8 + 1);
    }
    drop(flash); // It is given back.
    for (seed, form) in Form::ALL.into_iter().enumerate() {
        erase_write_read(&mut Slow::flash(), form, seed as u8 + 11);
    }
}
crate::registry::test!(every_form_writes_what_the_processor_sees);

/// The host's image of the chip is read, and what is written over it is there; QEMU keeps that to itself.
fn what_the_host_has_written_is_read(_: &'static Board) {
    const WRITTEN: u32 = 0x30_0000;
    const LENGTH: usize = 0x8000;
    const PART: usize = 0x1000;
    let mut flash = drivers::nor_flash::take().expect("the first");
    let mut host = Xorshift::new(0xf1a5).bytes();
    let mut part = [0; PART];
    for offset in (WRITTEN..).step_by(PART).take(LENGTH / PART) {
        assert_eq!(flash.read(offset, &mut part).block(Park), Ok(()));
        assert!(part.into_iter().eq(host.by_ref().take(PART)), "at {offset:#x}");
        assert!(has(offset, &part));
    }
    let behind = WRITTEN + LENGTH as u32;
    assert!(is_erased(behind..behind + SECTOR));
    assert_eq!(flash.erase(WRITTEN, WRITTEN + SECTOR).block(Park), Ok(()));
    assert!(is_erased(WRITTEN..WRITTEN + SECTOR));
}
crate::registry::test!(what_the_host_has_written_is_read);

/// The last bytes of the chip, and what is behind them.
fn bad_input_is_an_error_and_changes_nothing(_: &'static Board) {
    const END: u32 = 4 << 20;
    let mut flash = drivers::nor_flash::take().expect("the first");
    let mut end = |from: u32, to: u32, bytes: &mut [u8], expected| {
        let erased = flash.erase(from, to).block(Park);
        let written = flash.write(from, bytes).block(Park);
        let read = flash.read(from, bytes).block(Park);
        assert_eq!((erased, written, read), expected, "{from:#x}, {to:#x}");
    };
    let (outside, unaligned) = (Err(Error::OutOfBounds), Err(Error::NotAligned));
    end(END - SECTOR, END, &mut [1; 256], (Ok(()), Ok(()), Ok(())));
    end(END, END + SECTOR, &mut [1; 1], (outside, outside, outside));
    end(END - 1, END, &mut [1; 2], (unaligned, outside, outside));
    end(SECTOR, 0, &mut [1; 0], (outside, Ok(()), Ok(())));
    end(END + SECTOR, END + SECTOR, &mut [1; 0], (outside, outside, outside));
    end(u32::MAX, u32::MAX, &mut [1; 4], (outside, outside, outside));
    end(END, END, &mut [1; 0], (Ok(()), Ok(()), Ok(())));
    end(1, 1, &mut [1; 0], (unaligned, Ok(()), Ok(())));
    end(100, SECTOR, &mut [1; 0], (unaligned, Ok(()), Ok(())));
    assert!(has(END - SECTOR, &[1; 256]) && is_erased(END - SECTOR + 256..END));
    assert!(is_erased(0..2 * SECTOR));
}
crate::registry::test!(bad_input_is_an_error_and_changes_nothing);
