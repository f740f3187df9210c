//! Operations that are dropped before their end, while the chip is busy: the next ones are right.

use board::{Board, idle::Park};
use report::Xorshift;
use wouldblock::event::{Operation, wait::Wait};

use super::{SECTOR, Slow, has, is_erased, some};

/// Makes `tries` tries, and drops the operation. Whether that was before its end.
fn cut<W: Wait<Output = ()>>(mut operation: Operation<W>, tries: u32) -> bool {
    (0..tries).all(|_| matches!(operation.attempt(), Err(nb::Error::WouldBlock)))
}

fn after_1000_random_drops_each_next_one_was_right(_: &'static Board) {
    const LENGTH: usize = 700;
    let mut flash = Slow::flash();
    let mut random = Xorshift::new(0xf1a5);
    let mut below = |most: u32| {
        let mut word = [0; 4];
        random.fill(&mut word);
        u32::from_le_bytes(word) % most
    };
    let mut cuts = 0;
    while cuts < 1000 {
        let (from, tries) = (16 * SECTOR, below(20));
        cuts += u32::from(match below(2) {
            0 => cut(flash.erase(from, from + 4 * SECTOR), tries),
            _ => cut(flash.write(from, &[0; 5 * 256]), tries),
        });
        let (place, bytes) = (24 * SECTOR + below(256), some::<LENGTH>(cuts as u8));
        let sectors = 24 * SECTOR..25 * SECTOR;
        assert_eq!(flash.erase(sectors.start, sectors.end).block(Park), Ok(()));
        assert_eq!(flash.write(place, &bytes).block(Park), Ok(()));
        let mut read = [0; LENGTH];
        assert_eq!(flash.read(place, &mut read).block(Park), Ok(()));
        assert_eq!(read, bytes, "after {cuts} drops");
        assert!(has(place, &bytes) && is_erased(place + LENGTH as u32..sectors.end));
    }
}
crate::registry::test!(after_1000_random_drops_each_next_one_was_right);
