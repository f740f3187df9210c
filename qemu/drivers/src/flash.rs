//! Reads from the flash chip by the controller's DMA engine, in the background.

// # Invariant
// **From `begin` until a try says that the read has ended, the engine owns the memory: no reference to
// it is used, only its address and length.** Meanwhile the one [`Reader`] that exists is in the read. A
// read that is dropped in flight takes the `Reader` and the memory out of use for good.

use core::{convert::Infallible, ptr::NonNull, slice};

use board::{
    flash::{FLASH, Flash},
    interrupts::Line,
};
use portable_atomic::{AtomicBool, Ordering, fence};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Slot},
};

/// Room for one read in the background.
pub static SLOT: Slot<Read> = Slot::new();

/// Whether the controller is handed out: its engine, or the chip's commands
/// ([`nor_flash`](crate::nor_flash)).
pub(crate) static TAKEN: AtomicBool = AtomicBool::new(false);

/// The DMA engine. There is one.
#[derive(Debug)]
pub struct Reader(());

impl Reader {
    /// The engine, once; `None` after that, and while the chip's commands are taken. Lets it interrupt;
    /// its interrupt steps [`SLOT`].
    pub fn take() -> Option<Self> {
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        FLASH.line().set_handler(|line| on_interrupt(&SLOT, line));
        FLASH.line().enable();
        Some(Self(()))
    }

    /// Fills `memory`, which the read owns until its end, with what the chip has from `offset` on. Its
    /// last word is the engine's scratch.
    ///
    /// # Panics
    /// If `offset` is not a multiple of 4, if `memory` has less than two words, or if it lies where
    /// the engine does not reach.
    pub fn into_read(self, offset: u32, memory: &'static mut [u32]) -> Read {
        let reached = Flash::MEMORY..=Flash::MEMORY_END;
        let range = memory.as_ptr_range();
        assert!(offset.is_multiple_of(4) && memory.len() >= 2, "whole words, and one for scratch");
        assert!(
            reached.contains(&range.start.addr()) && reached.contains(&range.end.addr()),
            "the engine reaches the board's RAM only"
        );
        let length = memory.len();
        Read {
            offset,
            memory: NonNull::from(memory).cast(),
            length,
            in_flight: false,
            reader: self,
        }
    }
}

/// The handler, for the slot that the read is in: quiets the device, steps the read, acknowledges, and
/// only then wakes. The read in the slot may be wrapped, for example to log it.
pub fn on_interrupt<T: Background>(slot: &'static Slot<T>, line: Line) {
    FLASH.acknowledge();
    let stepped = slot.on_interrupt();
    line.acknowledge();
    drop(stepped);
}

/// A read in the background: it owns the engine and the memory, and gives both back at the end.
#[derive(Debug)]
pub struct Read {
    offset: u32,
    memory: NonNull<u32>,
    length: usize,
    in_flight: bool,
    reader: Reader,
}

// SAFETY: it owns its memory; any context may use it.
unsafe impl Send for Read {}

impl Read {
    /// The engine and the memory; `None` (and both are out of use) while the engine fills it.
    pub fn into_parts(self) -> Option<(Reader, &'static mut [u32])> {
        if self.in_flight {
            return None;
        }
        // SAFETY: the memory came from a `&'static mut [u32]` of this length, which this read has owned
        // since; by the invariant the engine is done with it.
        let memory = unsafe { slice::from_raw_parts_mut(self.memory.as_ptr(), self.length) };
        Some((self.reader, memory))
    }
}

impl Attempt for Read {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if FLASH.dma_is_running() {
            return Err(nb::Error::WouldBlock);
        }
        fence(Ordering::Acquire); // What the engine wrote is read after this check.
        self.in_flight = false;
        Ok(())
    }
}

impl Background for Read {
    fn begin(&mut self) {
        let (memory, bytes) = (self.memory.addr().get(), 4 * (self.length - 1) as u32);
        self.in_flight = true;
        fence(Ordering::Release); // What was written to the memory comes before the engine's writes.
        // SAFETY: by the invariant the memory is the engine's until it is done, and no other transfer is
        // started; `into_read` has checked the range, which has one word more.
        unsafe { FLASH.start_dma(self.offset, memory, bytes, true) };
    }

    /// The engine is not stopped: the read ends by itself.
    fn cancel(&mut self) {}
}
