//! Storage of other authors, from crates.io and unchanged: a blocking one and an awaited one.

use core::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use board::{Board, idle::Park};
use embedded_storage::{ReadStorage, Storage, nor_flash::RmwNorFlashStorage};
use firmware::task;
use sequential_storage::{
    cache::Cache,
    map::{MapConfig, MapStorage},
};
use static_cell::ConstStaticCell;
use wouldblock::adapter::NorFlash;

use super::{SECTOR, Slow, has, is_erased, some};

static SECTOR_BUFFER: ConstStaticCell<[u8; SECTOR as usize]> =
    ConstStaticCell::new([0; SECTOR as usize]);

/// The crate writes any bytes anywhere: it reads sectors, erases them, and writes them changed.
fn embedded_storage_writes_over_a_sectors_end(_: &'static Board) {
    let flash = NorFlash::new(drivers::nor_flash::take().expect("the first"), Park);
    let mut storage = RmwNorFlashStorage::new(flash, SECTOR_BUFFER.take());
    let end = storage.capacity() as u32;
    let old = some::<600>(0x21);
    storage.write(5 * SECTOR - 300, &old).expect("within the chip");
    let new = some::<100>(0x4d);
    storage.write(5 * SECTOR - 50, &new).expect("within the chip");
    let mut expected = old;
    expected[250..350].copy_from_slice(&new);
    assert!(has(5 * SECTOR - 300, &expected));
    assert!(is_erased(4 * SECTOR..5 * SECTOR - 300) && is_erased(5 * SECTOR + 300..6 * SECTOR));
    let mut read = [0; 600];
    storage.read(5 * SECTOR - 300, &mut read).expect("within the chip");
    assert_eq!(read, expected);
    storage.write(end - 3, b"end").expect("within the chip");
    assert!(has(end - 3, b"end"));
    assert!(storage.read(end - 2, &mut [0; 3]).is_err());
}
crate::registry::test!(embedded_storage_writes_over_a_sectors_end);

const MAP: core::ops::Range<u32> = 0x10_0000..0x10_0000 + 4 * SECTOR;

/// A map, as after power-on; it has no cache.
macro_rules! map {
    ($flash:expr) => {
        MapStorage::<u8, _, _>::new($flash, const { MapConfig::new(MAP) }, Cache::new_uncached())
    };
}

fn flash() -> NorFlash<'static, Slow, Park> {
    NorFlash::new(Slow::flash(), Park)
}

/// Enough values that each sector is erased and used again several times.
fn sequential_storage_keeps_a_map(_: &'static Board) {
    let mut buffer = [0; 128];
    let mut map = map!(flash());
    for round in 0..40_u8 {
        for key in 0..8 {
            let value = some::<64>(round ^ key << 5);
            let end = task::block_on(map.store_item(&mut buffer, &key, &&value[..]));
            assert!(end.is_ok(), "{end:?}");
        }
        if round % 8 == 0 {
            drop(map);
            map = map!(flash()); // Power-on.
        }
        for key in 0..8 {
            let end = task::block_on(map.fetch_item::<&[u8]>(&mut buffer, &key));
            assert!(matches!(end, Ok(Some(value)) if value == some::<64>(round ^ key << 5)));
        }
    }
    let found = MAP.clone().filter(|at| has(*at, &some::<64>(39 ^ 7 << 5))).count();
    assert_eq!(found, 1, "the processor sees the last value");
    assert!(is_erased(MAP.start - SECTOR..MAP.start) && is_erased(MAP.end..MAP.end + SECTOR));
}
crate::registry::test!(sequential_storage_keeps_a_map);

/// A call that is dropped after some polls is as a loss of power: the map has the old value or the new
/// one, and continues.
fn sequential_storage_keeps_its_map_when_calls_are_dropped(_: &'static Board) {
    let mut buffer = [0; 128];
    let mut kept = some::<64>(0);
    let end = task::block_on(map!(flash()).store_item(&mut buffer, &1_u8, &&kept[..]));
    assert!(end.is_ok(), "{end:?}");
    let mut dropped = 0;
    for round in 1..200_u32 {
        let value = some::<64>(round as u8);
        let ended = {
            let mut map = map!(flash());
            let value = &value[..];
            let mut call = pin!(map.store_item(&mut buffer, &1, &value));
            let mut context = Context::from_waker(Waker::noop());
            (0..round % 9).any(|_| matches!(call.as_mut().poll(&mut context), Poll::Ready(Ok(()))))
        };
        dropped += u32::from(!ended);
        let mut map = map!(flash());
        let Ok(Some(found)) = task::block_on(map.fetch_item::<&[u8]>(&mut buffer, &1)) else {
            panic!("after {dropped} drops the value is lost")
        };
        assert!(found == value || !ended && found == kept, "after {dropped} drops");
        kept.copy_from_slice(found);
    }
    defmt::info!("{=u32} calls dropped", dropped);
    assert!((20..180).contains(&dropped), "{dropped} calls dropped");
}
crate::registry::test!(sequential_storage_keeps_its_map_when_calls_are_dropped);
