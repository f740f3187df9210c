//! What a HAL author writes.

use embedded_storage::nor_flash::NorFlashError;

/// The controller of a flash chip: the register accesses or commands of a HAL, none of which waits.
///
/// For each operation the library calls [`settle`](Self::settle) until it is `Ok`, or fails. Then it
/// calls, in turn, [`program`](Self::program) or [`erase`](Self::erase) until it is `Ok`, and `settle`
/// until it is `Ok`; or it calls [`read`](Self::read) until all is read. It calls [`arm`](Self::arm)
/// before each sleep. The operation may be given up between any two calls; the next one begins with
/// `settle`.
///
/// Each call is bounded and returns what is known now. Each must also be right where no interrupt comes:
/// a caller that has masked interrupts retries. Ranges are checked: they are within the chip, aligned,
/// and not empty.
///
/// ```
/// use embedded_storage::nor_flash::NorFlashErrorKind;
/// use wouldblock::{block::Spin, event::Event, flash::{Controller, Error, Flash}, nb};
/// # /// The pins of a chip, and the chip.
/// # struct Spi { memory: Vec<u8>, busy: u32 }
/// # impl Spi {
/// #     fn command(&mut self, bytes: &[u8], send: &[u8], receive: &mut [u8]) {
/// #         if bytes[0] == 0x05 {
/// #             receive[0] = u8::from(self.busy > 0);
/// #             self.busy = self.busy.saturating_sub(1);
/// #             return;
/// #         }
/// #         assert_eq!(self.busy, 0, "it ignores a command while it is busy");
/// #         let &[command, a, b, c] = bytes else { return };
/// #         let offset = u32::from_be_bytes([0, a, b, c]) as usize;
/// #         match command {
/// #             0x02 => self.memory[offset..].iter_mut().zip(send).for_each(|(byte, sent)| *byte &= sent),
/// #             0x20 => self.memory[offset..offset + 4096].fill(0xff),
/// #             _ => return receive.copy_from_slice(&self.memory[offset..offset + receive.len()]),
/// #         }
/// #         self.busy = 3;
/// #     }
/// # }
/// # fn address(command: u8, offset: u32) -> [u8; 4] {
/// #     let [_, address @ ..] = offset.to_be_bytes();
/// #     [command, address[0], address[1], address[2]]
/// # }
///
/// static READY: Event = Event::new();
///
/// /// A serial NOR chip of 64 KiB, whose commands are sent at once.
/// struct Chip { spi: Spi }
///
/// impl Controller for Chip {
///     type Error = NorFlashErrorKind;
///     const READ_SIZE: usize = 1;
///     const WRITE_SIZE: usize = 1;
///     const PAGE_SIZE: usize = 256;
///     const ERASE_SIZE: usize = 4096;
///
///     fn capacity(&self) -> usize { 0x1_0000 }
///
///     fn settle(&mut self) -> nb::Result<(), NorFlashErrorKind> {
///         let mut status = [0];
///         self.spi.command(&[0x05], &[], &mut status); // read the status: bit 0 is "busy"
///         if status[0] & 1 != 0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
///     }
///
///     fn read(&mut self, offset: u32, bytes: &mut [u8]) -> nb::Result<usize, NorFlashErrorKind> {
///         self.spi.command(&address(0x03, offset), &[], bytes);
///         Ok(bytes.len())
///     }
///
///     fn program(&mut self, offset: u32, bytes: &[u8]) -> nb::Result<(), NorFlashErrorKind> {
///         self.spi.command(&[0x06], &[], &mut []); // write enable
///         self.spi.command(&address(0x02, offset), bytes, &mut []);
///         Ok(())
///     }
///
///     fn erase(&mut self, offset: u32) -> nb::Result<(), NorFlashErrorKind> {
///         self.spi.command(&[0x06], &[], &mut []);
///         self.spi.command(&address(0x20, offset), &[], &mut []);
///         Ok(())
///     }
///
///     /// No interrupt says that such a chip is ready, so the caller tries again at once.
///     fn arm(&mut self) { READY.signal() }
/// }
///
/// # let spi = Spi { memory: vec![0; 0x1_0000], busy: 0 };
/// let mut flash = Flash::new(Chip { spi }, READY.waiter().expect("one waiter at a time"));
/// flash.erase(0x1000, 0x3000).block(Spin).unwrap(); // two sectors
/// flash.write(0x10f0, &[7; 300]).block(Spin).unwrap(); // three pages
/// let mut bytes = [0; 301];
/// flash.read(0x10f0, &mut bytes).block(Spin).unwrap();
/// assert_eq!((bytes[0], bytes[299], bytes[300]), (7, 7, 0xff));
/// assert_eq!(flash.erase(1, 0x1001).block(Spin), Err(Error::NotAligned));
/// ```
///
/// Sizes that do not fit do not compile:
/// ```compile_fail,E0080
/// # use wouldblock::{event::Event, flash::{Controller, Flash}, nb};
/// # struct Chip;
/// # impl Controller for Chip {
/// #     type Error = core::convert::Infallible;
/// #     const READ_SIZE: usize = 1;
/// const WRITE_SIZE: usize = 8;
/// const PAGE_SIZE: usize = 100; // not whole words
/// #     const ERASE_SIZE: usize = 4096;
/// #     fn capacity(&self) -> usize { 0 }
/// #     fn settle(&mut self) -> nb::Result<(), Self::Error> { Ok(()) }
/// #     fn read(&mut self, _: u32, _: &mut [u8]) -> nb::Result<usize, Self::Error> { Ok(0) }
/// #     fn program(&mut self, _: u32, _: &[u8]) -> nb::Result<(), Self::Error> { Ok(()) }
/// #     fn erase(&mut self, _: u32) -> nb::Result<(), Self::Error> { Ok(()) }
/// #     fn arm(&mut self) {}
/// # }
/// # let ready = Event::new();
/// # Flash::new(Chip, ready.waiter().unwrap());
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is not the controller of a flash chip")]
pub trait Controller {
    /// How an operation fails in the chip or in its controller.
    type Error: NorFlashError;

    /// Offsets and lengths of reads are multiples of this number of bytes; mostly 1.
    const READ_SIZE: usize;

    /// Offsets and lengths of writes are multiples of this number of bytes.
    const WRITE_SIZE: usize;

    /// The most bytes of one [`program`](Self::program), which does not cross a multiple of it: the
    /// chip's page, or less where the controller takes less. Whole words of `WRITE_SIZE`.
    const PAGE_SIZE: usize;

    /// The number of bytes of a sector, which begins at a multiple of it.
    const ERASE_SIZE: usize;

    /// The number of bytes of the chip. Beyond `u32::MAX` no operation reaches.
    fn capacity(&self) -> usize;

    /// Whether the chip is ready. It also ends what an operation has left that was given up: a read that
    /// is half done, or a command that is half sent.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: the chip is busy. Another error: the step that was begun has failed and
    /// is over. Where that step's operation was given up, the error is dropped.
    fn settle(&mut self) -> Result<(), nb::Error<Self::Error>>;

    /// Reads into the first of `bytes`, as many as there are now, and returns their number: at least one,
    /// and a multiple of `READ_SIZE`.
    ///
    /// Nothing accesses `bytes` after the return, also if that is `WouldBlock`: the operation may be given up
    /// then, and the memory has another owner. So a DMA engine reads into a buffer of the controller's own. The
    /// same holds for [`program`](Self::program).
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: none yet, and the same call follows. Another error ends the operation.
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<usize, nb::Error<Self::Error>>;

    /// Begins to program `bytes`, at most a page, and all of one page. `settle` says when it is over.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: it has not begun yet, or was not taken whole, and the same call
    /// follows. Another error ends the operation.
    fn program(&mut self, offset: u32, bytes: &[u8]) -> Result<(), nb::Error<Self::Error>>;

    /// Begins to erase the sector at `offset`. `settle` says when it is over.
    ///
    /// # Errors
    /// As [`program`](Self::program).
    fn erase(&mut self, offset: u32) -> Result<(), nb::Error<Self::Error>>;

    /// Enables the interrupt that announces the next worthwhile call; as
    /// [`Attempt::arm`](crate::Attempt::arm). Its handler signals the event whose waiter
    /// [`Flash::new`](super::Flash::new) was given.
    ///
    /// Many chips have no interrupt. Then this signals the event itself, and the caller tries again at
    /// once, or it starts a timer whose handler signals the event, and the caller sleeps until then.
    fn arm(&mut self);

    /// Undoes [`arm`](Self::arm). The default does nothing.
    #[inline(always)]
    fn disarm(&mut self) {}
}
