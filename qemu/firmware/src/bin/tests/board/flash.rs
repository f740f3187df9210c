//! The flash chip, and jobs that its controller's DMA engine drives.

use board::{Board, flash::FLASH, idle::Park};
use drivers::flash::{Reader, SLOT};
use static_cell::ConstStaticCell;

const PAGE: usize = 256;

/// A page, and the engine's scratch.
const WORDS: usize = PAGE / 4 + 1;

static MEMORY: ConstStaticCell<[u32; WORDS]> = ConstStaticCell::new([0; WORDS]);

/// One command without data.
fn command(bytes: &[u8]) {
    FLASH.select();
    bytes.iter().for_each(|&byte| FLASH.send(byte));
    FLASH.deselect();
}

/// Programs a page that is erased.
fn program(offset: u32, page: &[u8; PAGE]) {
    const WRITE_ENABLE: u8 = 0x06;
    const PAGE_PROGRAM: u8 = 0x02;
    command(&[WRITE_ENABLE]);
    let [_, address @ ..] = offset.to_be_bytes();
    FLASH.select();
    FLASH.send(PAGE_PROGRAM);
    address.iter().chain(page).for_each(|&byte| FLASH.send(byte));
    FLASH.deselect();
}

crate::registry::test!(jobs_read_what_was_programmed);
fn jobs_read_what_was_programmed(_: &'static Board) {
    const PROGRAMMED: u32 = 0x1_0000;
    const ERASED: u32 = 0x2_0000;

    let page: [u8; PAGE] = core::array::from_fn(|index| index as u8 ^ 0x5a);
    program(PROGRAMMED, &page);
    let mut reader = Reader::take().expect("the first");
    assert!(Reader::take().is_none(), "there is one");
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
