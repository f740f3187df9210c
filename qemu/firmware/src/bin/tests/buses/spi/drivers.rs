//! A driver of another author, from crates.io and unchanged, for the flash chip: blocking and awaited.

use core::convert::Infallible;

use board::{Board, idle::Park};
use drivers::spi::{FLASH, FrameController, Select};
use embedded_hal::digital::{ErrorType, OutputPin};
use firmware::task;
use w25q32jv::{Error, SECTOR_SIZE, W25q32jv};
use wouldblock::{
    adapter::{Limit, SharedBus, SpiDevice},
    spi::Bus,
};

use super::{CLOCK, is_of_the_host};

/// A pin of the chip that is tied high.
pub struct Tied;

impl ErrorType for Tied {
    type Error = Infallible;
}

impl OutputPin for Tied {
    fn set_low(&mut self) -> Result<(), Infallible> {
        unreachable!("nothing wants it low")
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The bus of the flash chip, for two drivers.
pub type Shared<'e> = SharedBus<Bus<'e, FrameController>, 2>;

/// A driver on that bus.
pub type Flash<'m, 'e, L> = W25q32jv<
    SpiDevice<'m, 'e, FrameController, Select, board::counter::BoardClock, 2, L>,
    Tied,
    Tied,
>;

/// A driver of the flash chip whose blocking calls wait with `limit`.
pub fn flash<'m, 'e, L: Limit>(bus: &'m Shared<'e>, select: Select, limit: L) -> Flash<'m, 'e, L> {
    let device = SpiDevice::new(bus, select, CLOCK, limit).expect("no more than two");
    W25q32jv::new(device, Tied, Tied).expect("the pins do not fail")
}

/// What the tests here write: it crosses pages.
fn text() -> [u8; 600] {
    core::array::from_fn(|index| (index * 7 + index / 256) as u8)
}

/// Sectors in which the host has put nothing.
pub const FREE: u32 = 32;

fn w25q32jv_blocks_asleep(_: &'static Board) {
    const PLACE: u32 = FREE * SECTOR_SIZE + 200;
    let (bus, select) = FLASH.take().expect("the first");
    let bus = SharedBus::new(bus);
    let mut flash = flash(&bus, select, Park);
    let mut read = [0; 600];
    flash.read(0xf00, &mut read).expect("it is there");
    assert!(is_of_the_host(&read, 0xf00));
    assert!(FLASH.line().taken() > 70, "asleep until interrupts");
    flash.erase_sector(FREE).expect("it can be erased");
    flash.write_blocking(PLACE, &text()).expect("it can be written");
    flash.read(PLACE, &mut read).expect("it is there");
    assert_eq!(read, text());
    flash.erase_sector(FREE).expect("it can be erased");
    flash.read(PLACE, &mut read).expect("it is there");
    assert_eq!(read, [0xff; 600]);
    assert!(matches!(flash.read(u32::MAX / 2, &mut read), Err(Error::OutOfBounds)));
    flash.read(0x10, &mut read).expect("it is there");
    assert!(is_of_the_host(&read, 0x10), "that of the host is still there");
}
crate::registry::test!(w25q32jv_blocks_asleep);

fn w25q32jv_is_awaited(_: &'static Board) {
    const PLACE: u32 = (FREE + 1) * SECTOR_SIZE + 100;
    let (bus, select) = FLASH.take().expect("the first");
    let bus = SharedBus::new(bus);
    let mut flash = flash(&bus, select, Park);
    task::block_on(async {
        let mut read = [0; 600];
        flash.read_async(0x1f00, &mut read).await.expect("it is there");
        assert!(is_of_the_host(&read, 0x1f00));
        flash.erase_sector_async(FREE + 1).await.expect("it can be erased");
        flash.write_async(PLACE, &text()).await.expect("it can be written");
        flash.read_async(PLACE, &mut read).await.expect("it is there");
        assert_eq!(read, text());
    });
    assert!(FLASH.line().taken() > 70, "suspended until interrupts");
}
crate::registry::test!(w25q32jv_is_awaited);
