//! What a HAL author writes.

use embedded_hal::spi;

use super::Cursor;

/// An SPI controller: the register accesses of a HAL, none of which waits. How it moves words is
/// [`Words`], for each type of word that it has.
///
/// For a transaction the library calls [`flush`](Self::flush) until it returns `Ok`, then
/// [`step`](Words::step) for each operation until it returns `Ok`, and `flush` again before the chip select
/// rises. [`arm`](Self::arm) comes before a sleep in `step`; `flush` is retried without an interrupt. Instead
/// of the next `step` it may call [`abort`](Self::abort) and then `flush`, or [`reset`](Self::reset).
///
/// Each call is bounded and returns what is known now. Each must also be right where no interrupt
/// comes: with interrupts masked, or with a handler that was never called, a caller retries.
///
/// ```
/// use core::convert::Infallible;
/// use wouldblock::{nb, spi::{Controller, Cursor, Words}};
/// # #[derive(Default)]
/// # struct Registers { fifo: std::collections::VecDeque<u8> }
/// # impl Registers {
/// #     fn push(&mut self, word: u8) { self.fifo.push_back(!word) }
/// #     fn pop(&mut self) -> Option<u8> { self.fifo.pop_front() }
/// #     fn is_busy(&self) -> bool { false }
/// #     fn clear_fifos(&mut self) { self.fifo.clear() }
/// #     fn interrupt_at(&mut self, _: usize) {}
/// #     fn enable_interrupt(&mut self, _: bool) {}
/// #     fn reset(&mut self) { self.fifo.clear() }
/// # }
///
/// /// A controller with FIFOs of 8 words, which interrupts when a set number of words was received.
/// struct Simple { registers: Registers }
///
/// impl Controller for Simple {
///     type Error = Infallible;
///
///     fn flush(&mut self) -> nb::Result<(), Infallible> {
///         if self.registers.is_busy() { return Err(nb::Error::WouldBlock) }
///         while self.registers.pop().is_some() {}  // of a transaction that was given up
///         Ok(())
///     }
///     fn abort(&mut self) { self.registers.clear_fifos() }
///     fn reset(&mut self) { self.registers.reset() }
///     fn arm(&mut self) { self.registers.enable_interrupt(true) }
///     fn disarm(&mut self) { self.registers.enable_interrupt(false) }
/// }
///
/// impl Words<u8> for Simple {
///     fn step(&mut self, cursor: &mut Cursor<u8>) -> nb::Result<(), Infallible> {
///         while let Some(word) = self.registers.pop() { cursor.received(word); }
///         // No more in flight than there is room for when they come back.
///         while cursor.in_flight() < 8 && let Some(word) = cursor.send(0xff) {
///             self.registers.push(word);
///         }
///         if cursor.is_through() { return Ok(()) }
///         self.registers.interrupt_at(cursor.in_flight());
///         Err(nb::Error::WouldBlock)
///     }
/// }
/// # use wouldblock::{adapter::Spi, block::Spin, event::Event, spi::Bus};
/// # use embedded_hal::spi::SpiBus;
/// # let event = Event::new();
/// # let controller = Simple { registers: Registers::default() };
/// # let mut spi = Spi::new(Bus::new(controller, event.waiter().unwrap()), Spin);
/// # let mut back = [0; 20];
/// # spi.transfer(&mut back, &[7; 19]).unwrap();
/// # assert_eq!((&back[..19], back[19]), (&[!7; 19][..], 0));
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is not an SPI controller")]
pub trait Controller {
    /// How a transaction fails on this bus: a word was lost, another controller drives it.
    type Error: spi::Error;

    /// Whether the last bit has left and the clock is idle. It also throws away what has come in and was not
    /// taken: after an [`abort`](Self::abort), or of a transaction that was forgotten.
    ///
    /// It is retried without an interrupt: by a loop, or a task that wakes itself. After the last word has
    /// come back, that is for a part of a bit.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: not yet. Another error ends the transaction; the clock is idle then, too.
    fn flush(&mut self) -> Result<(), nb::Error<Self::Error>>;

    /// The transaction was given up, or has failed, between two steps. No further word begins, as far as the
    /// hardware lets it: it empties the FIFO if it can, and leaves alone the word that is being shifted. It
    /// does not wait; [`flush`](Self::flush) does the rest. Nothing that comes in from here on is given to
    /// a later transaction.
    fn abort(&mut self);

    /// Puts the controller into its state after power-on, since it is stuck, or out of time. After it
    /// nothing is sent, the clock is idle, the FIFOs are empty, and no interrupt of an earlier transaction
    /// comes.
    ///
    /// Hardware that cannot stop within a word polls here, a bounded number of times, until the words that
    /// were begun, at most those in its FIFO, have left.
    fn reset(&mut self);

    /// Enables the interrupt that announces the next worthwhile [`step`](Words::step); as
    /// [`Attempt::arm`](crate::Attempt::arm). The default does nothing, which is right where it is
    /// always enabled.
    ///
    /// A step may follow before the caller sleeps, and may move words; the interrupt must announce the
    /// next step after that one, too. So a level at which it comes is set by `step`, and not here.
    #[inline(always)]
    fn arm(&mut self) {}

    /// Undoes [`arm`](Self::arm).
    #[inline(always)]
    fn disarm(&mut self) {}
}

/// How a [`Controller`] moves words of type `W`: `u8`, `u16`. A controller that has both writes this twice.
#[diagnostic::on_unimplemented(message = "`{Self}` does not move words of `{W}` over SPI")]
pub trait Words<W: 'static>: Controller {
    /// Moves the words that have come and those for which there is room. `Ok`: all words of this operation
    /// are through.
    ///
    /// In the first step of a transaction the clock is idle; there a controller sets the size of its words.
    /// What comes back in an operation that [only writes](Cursor::only_writes) goes to the cursor, too. A
    /// controller that throws it away itself may return `Ok` when the last word is in its FIFO, and lets none
    /// of it come into the next operation.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: not yet. Another error ends the transaction, which is then
    /// [aborted](Controller::abort).
    fn step(&mut self, cursor: &mut Cursor<'_, '_, W>) -> Result<(), nb::Error<Self::Error>>;
}
