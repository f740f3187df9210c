//! `embedded-storage` and `embedded-storage-async`: NOR flash.

use embedded_storage::nor_flash::{self, ErrorType, ReadNorFlash};

use super::Limit;
use crate::{
    block::Spin,
    event::{Operation, wait::Wait},
    flash::{Controller, Error, Flash},
    time,
};

/// A flash chip with `ReadNorFlash` and `NorFlash` of `embedded-storage` and of `embedded-storage-async`.
///
/// Its blocking calls wait with the [`Limit`] `L`. Where that passes, the call fails with
/// [`Error::TimedOut`]; the chip finishes the page or sector that was begun, and the next call waits for
/// that first. A limit covers the whole call, with all its pages or sectors.
///
/// ```
/// use wouldblock::{adapter::NorFlash, block::Spin, event::Event, flash::{Controller, Flash}};
/// # use wouldblock::nb;
/// # struct MyController([u8; 8192]);
/// # impl Controller for MyController {
/// #     type Error = core::convert::Infallible;
/// #     const READ_SIZE: usize = 1;
/// #     const WRITE_SIZE: usize = 1;
/// #     const PAGE_SIZE: usize = 256;
/// #     const ERASE_SIZE: usize = 4096;
/// #     fn capacity(&self) -> usize { self.0.len() }
/// #     fn settle(&mut self) -> nb::Result<(), Self::Error> { Ok(()) }
/// #     fn read(&mut self, offset: u32, bytes: &mut [u8]) -> nb::Result<usize, Self::Error> {
/// #         bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
/// #         Ok(bytes.len())
/// #     }
/// #     fn program(&mut self, offset: u32, bytes: &[u8]) -> nb::Result<(), Self::Error> {
/// #         self.0[offset as usize..][..bytes.len()].copy_from_slice(bytes);
/// #         Ok(())
/// #     }
/// #     fn erase(&mut self, offset: u32) -> nb::Result<(), Self::Error> {
/// #         Ok(self.0[offset as usize..][..4096].fill(0xff))
/// #     }
/// #     fn arm(&mut self) { READY.signal() }
/// # }
/// # let controller = MyController([0; 8192]);
///
/// static READY: Event = Event::new(); // The controller's handler signals it.
///
/// let chip = Flash::new(controller, READY.waiter().expect("one waiter at a time"));
/// let mut storage = NorFlash::new(chip, Spin);
///
/// // For any crate that knows only the trait.
/// fn keep(mut flash: impl embedded_storage::nor_flash::NorFlash) {
///     flash.erase(0, 4096).unwrap();
///     flash.write(0x10, b"kept").unwrap();
/// }
/// keep(&mut storage);
///
/// let mut kept = [0; 5];
/// embedded_storage::nor_flash::ReadNorFlash::read(&mut storage, 0x10, &mut kept).unwrap();
/// assert_eq!(kept, *b"kept\xff");
/// ```
///
/// # Cancel safety
/// Of its awaited calls: that of [the module `flash`](crate::flash). The chip is usable after a drop at
/// any place.
#[derive(Debug)]
pub struct NorFlash<'e, C, L = Spin> {
    flash: Flash<'e, C>,
    limit: L,
}

impl<'e, C: Controller, L: Limit> NorFlash<'e, C, L> {
    /// A chip whose blocking calls wait with `limit`.
    pub const fn new(flash: Flash<'e, C>, limit: L) -> Self {
        Self { flash, limit }
    }
}

impl<C: Controller, L> ErrorType for NorFlash<'_, C, L> {
    type Error = Error<C::Error>;
}

impl<C: Controller, L: Limit> ReadNorFlash for NorFlash<'_, C, L> {
    const READ_SIZE: usize = C::READ_SIZE;

    #[inline]
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        block(&mut self.flash.read(offset, bytes), &mut self.limit)
    }

    #[inline]
    fn capacity(&self) -> usize {
        self.flash.controller.capacity()
    }
}

impl<C: Controller, L: Limit> nor_flash::NorFlash for NorFlash<'_, C, L> {
    const WRITE_SIZE: usize = C::WRITE_SIZE;
    const ERASE_SIZE: usize = C::ERASE_SIZE;

    #[inline]
    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        block(&mut self.flash.erase(from, to), &mut self.limit)
    }

    #[inline]
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        block(&mut self.flash.write(offset, bytes), &mut self.limit)
    }
}

#[cfg(feature = "embedded-storage-async")]
impl<C: Controller, L> embedded_storage_async::nor_flash::ReadNorFlash for NorFlash<'_, C, L> {
    const READ_SIZE: usize = C::READ_SIZE;

    #[inline]
    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.flash.read(offset, bytes).await
    }

    #[inline]
    fn capacity(&self) -> usize {
        self.flash.controller.capacity()
    }
}

#[cfg(feature = "embedded-storage-async")]
impl<C: Controller, L> embedded_storage_async::nor_flash::NorFlash for NorFlash<'_, C, L> {
    const WRITE_SIZE: usize = C::WRITE_SIZE;
    const ERASE_SIZE: usize = C::ERASE_SIZE;

    #[inline]
    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        self.flash.erase(from, to).await
    }

    #[inline]
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.flash.write(offset, bytes).await
    }
}

/// One operation, blocking.
#[inline]
fn block<W, E, L: Limit>(operation: &mut Operation<W>, limit: &mut L) -> Result<(), Error<E>>
where
    W: Wait<Output = (), Error = Error<E>>,
{
    let bound = limit.begin();
    match limit.block(operation, &bound).map_err(L::told_apart) {
        Ok(()) => Ok(()),
        Err(time::Error::Other(error)) => Err(error),
        Err(time::Error::TimedOut) => Err(Error::TimedOut),
    }
}
