//! The flash chip, and jobs that its controller's DMA engine drives.

use board::{Board, flash::FLASH, idle::Park};
use drivers::flash::{Reader, SLOT};
use static_cell::ConstStaticCell;

const PAGE: usize = 256;

/// A page, and the engine's scratch.
const WORDS: usize = PAGE / 4 + 1;

static MEMORY: ConstStaticCell<[u32; WORDS]> = ConstStaticCell::new([0; WORDS]);

crate::registry::test!(jobs_read_what_was_programmed);
fn jobs_read_what_was_programmed(_: &'static Board) {
    const PROGRAMMED: u32 = 0x1_0000;
    const ERASED: u32 = 0x2_0000;

    let page: [u8; PAGE] = core::array::from_fn(|index| index as u8 ^ 0x5a);
    let mut chip = drivers::nor_flash::take().expect("the first");
    let Ok(()) = chip.write(PROGRAMMED, &page).block(Park) else { panic!("it is in the chip") };
    assert!(Reader::take().is_none(), "the chip's commands are taken");
    drop(chip);
    let mut reader = Reader::take().expect("the first");
    assert!(Reader::take().is_none(), "there is one");
    assert!(drivers::nor_flash::take().is_none(), "the engine is taken");
    let mut memory: &'static mut [u32] = MEMORY.take();
    for (round, offset) in [PROGRAMMED, ERASED, PROGRAMMED].into_iter().enumerate() {
        let job = SLOT.start(reader.into_read(offset, memory)).expect("the slot is idle");
        let done = job.wait(Park);
        (reader, memory) = done.op.into_parts().expect("it has ended");
        let read = memory[..PAGE / 4].iter().flat_map(|word| word.to_le_bytes());
        for (index, byte) in read.enumerate() {
            let expected = if offset == PROGRAMMED { page[index] } else { 0xff };
            assert_eq!(byte, expected, "at {index} from {offset:#x}");
        }
        assert_eq!(FLASH.line().taken(), round as u64 + 1, "one interrupt for each job");
        assert!(!FLASH.has_ended(), "the handler has acknowledged it");
    }
}
