//! What a HAL author writes.

use embedded_hal::i2c;

use super::Cursor;

/// A bus controller: the register accesses of a HAL, none of which waits.
///
/// The library calls these in this order: [`settle`](Self::settle) until it returns `Ok`,
/// [`start`](Self::start) once, [`step`](Self::step) until it ends, with [`arm`](Self::arm) before
/// each sleep. Instead of the next `step`, it may call [`abort`](Self::abort) or
/// [`reset`](Self::reset); then the next transaction begins with `settle`.
///
/// Each call is bounded and returns what is known now. Each must also be right where no interrupt
/// comes: with interrupts masked, or with a handler that was never called, a caller retries.
///
/// ```
/// use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
/// use wouldblock::{i2c::{Address, Controller, Cursor, Direction}, nb};
/// # struct Registers;
/// # impl Registers {
/// #     fn start(&mut self, _: u8) {} fn write(&mut self, _: u8) {} fn read(&mut self, _: bool) {} fn stop(&mut self) {}
/// #     fn data(&self) -> u8 { 7 } fn ended(&self) -> bool { true } fn nak(&self) -> bool { false }
/// #     fn reset(&mut self) {} fn enable_interrupt(&mut self, _: bool) {}
/// # }
///
/// /// A controller that makes one byte at a time, and interrupts after each.
/// struct Simple { registers: Registers, open: bool, reading: bool, must_nak: bool }
///
/// impl Simple {
///     fn stop(&mut self) { self.open = false; self.registers.stop() }
/// }
///
/// impl Controller for Simple {
///     type Error = ErrorKind;
///
///     fn settle(&mut self) -> nb::Result<(), ErrorKind> {
///         if !self.registers.ended() { return Err(nb::Error::WouldBlock) }
///         if !self.open { return Ok(()) }
///         if core::mem::take(&mut self.must_nak) {
///             self.registers.read(true);  // STOP follows only a byte that was not acknowledged
///         } else {
///             self.stop();
///         }
///         Err(nb::Error::WouldBlock)
///     }
///
///     fn start(&mut self, cursor: &mut Cursor) -> Result<(), ErrorKind> {
///         let Address::Seven(address) = cursor.address() else { return Err(ErrorKind::Other) };
///         let read = cursor.direction() == Direction::Read;
///         (self.open, self.reading) = (true, false);
///         self.registers.start(address << 1 | u8::from(read));
///         Ok(())
///     }
///
///     fn step(&mut self, cursor: &mut Cursor) -> nb::Result<(), ErrorKind> {
///         if !self.registers.ended() { return Err(nb::Error::WouldBlock) }
///         if !self.open { return Ok(()) }  // STOP is out
///         if self.registers.nak() {
///             self.stop();
///             let source = NoAcknowledgeSource::Unknown;
///             return Err(nb::Error::Other(ErrorKind::NoAcknowledge(source)));
///         }
///         if core::mem::take(&mut self.reading) { cursor.received(self.registers.data()); }
///         if let Some(byte) = cursor.send() {
///             self.registers.write(byte);
///         } else if cursor.direction() == Direction::Read && cursor.left() > 0 {
///             (self.reading, self.must_nak) = (true, cursor.left() > 1);
///             self.registers.read(cursor.left() == 1);
///         } else if cursor.next_run() {
///             self.start(cursor)?;         // a repeated START
///         } else {
///             self.stop();
///         }
///         Err(nb::Error::WouldBlock)
///     }
///
///     fn abort(&mut self) { _ = self.settle(); }  // as far as it goes now; the next `settle` does the rest
///
///     fn reset(&mut self) {
///         self.registers.reset();
///         (self.open, self.reading, self.must_nak) = (false, false, false);
///     }
///
///     fn arm(&mut self) { self.registers.enable_interrupt(true) }
///     fn disarm(&mut self) { self.registers.enable_interrupt(false) }
/// }
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is not an I2C controller")]
pub trait Controller {
    /// How a transaction fails on this bus.
    type Error: i2c::Error;

    /// Finishes what an earlier transaction has left: its STOP is out, and the bus is free for a
    /// START. After an [`abort`](Self::abort) it continues that, one step in each call.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: not yet. Another error ends the transaction that was to begin.
    fn settle(&mut self) -> Result<(), nb::Error<Self::Error>>;

    /// Sends START and the address for the run that `cursor` is in. `step` may call it, too, for a
    /// repeated START.
    ///
    /// # Errors
    /// This controller cannot: it has no 10-bit addresses, for instance. Nothing was sent.
    fn start(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<(), Self::Error>;

    /// Continues the transaction as far as the bus is. `Ok`: all runs are moved, and STOP is out.
    ///
    /// The last byte of a run of reads is not acknowledged.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: not yet. Another error ends the transaction: the controller has
    /// asked for STOP if the bus needs one, and `settle` waits for it. "Not acknowledged" says whether
    /// it was the address or data, where the controller can tell.
    fn step(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<(), nb::Error<Self::Error>>;

    /// The transaction was given up between two steps. Asks for STOP if the bus has a place for it now,
    /// and does not wait: `settle` does the rest. Exactly one STOP is owed, also if one was
    /// asked for and is not out yet. After a read byte that was acknowledged, the target drives the
    /// bus: one more byte is read, and not acknowledged, before STOP.
    fn abort(&mut self);

    /// Puts the controller into its state after power-on, for a bus that is stuck. After it no
    /// interrupt of an earlier transaction comes, and `settle` returns `Ok` as soon as the bus is
    /// free.
    fn reset(&mut self);

    /// Enables the interrupt that announces the next worthwhile `step` or `settle`; as
    /// [`Attempt::arm`](crate::Attempt::arm). The default does nothing, which is right where it is
    /// always enabled.
    #[inline(always)]
    fn arm(&mut self) {}

    /// Undoes [`arm`](Self::arm).
    #[inline(always)]
    fn disarm(&mut self) {}
}
