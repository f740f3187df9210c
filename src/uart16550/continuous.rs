//! Continuous receive: the handler moves received bytes into a ring, even while no read waits.
//!
//! Each entry of the ring is a byte, or an error at its place among the bytes. When the ring is
//! full, the receive interrupt is masked and the chip is not read. Then the chip's FIFO fills.
//! After that, flow control stops the sender if the line has any; otherwise the chip loses bytes
//! and reports an overrun. All of this happens in the chip's critical section.

use core::{cell::Cell, fmt};

use super::{
    LineError, Receiver, Registers, Uart,
    chip::{Chip, FIFO, want},
    registers::lsr,
};
use crate::{
    attempt::Attempt,
    event::{
        Operation,
        wait::{Tied, Wait},
    },
    io,
};

/// The ring that the handler fills and a read empties. It is off and has no memory until a receiver
/// lends it some.
// An entry is a byte; or its high half is the error bits of LSR, and its low half the number of
// lost bytes. The memory is taken out of its cell while it is in use. The only user code that runs
// in between is `Registers`.
pub(super) struct Ring {
    entries: Cell<&'static mut [u16]>,
    on: Cell<bool>,
    /// The oldest entry.
    head: Cell<usize>,
    count: Cell<usize>,
    /// The number of lost bytes, and how many entries are still to be moved before the gap.
    lost: Cell<u8>,
    before_gap: Cell<usize>,
    /// The number of good bytes read since the last error.
    read: Cell<usize>,
}

impl Ring {
    pub(super) const fn new() -> Self {
        Self {
            entries: Cell::new(&mut []),
            on: Cell::new(false),
            head: Cell::new(0),
            count: Cell::new(0),
            lost: Cell::new(0),
            before_gap: Cell::new(0),
            read: Cell::new(0),
        }
    }

    fn start(&self, entries: &'static mut [u16]) {
        self.entries.set(entries);
        self.on.set(true);
        for cell in [&self.head, &self.count, &self.before_gap, &self.read] {
            cell.set(0);
        }
        self.lost.set(0);
    }

    fn stop(&self) -> &'static mut [u16] {
        self.on.set(false);
        self.entries.take()
    }

    /// Called when the chip's receiver was emptied: the gap is then at the ring's end.
    pub(super) fn gap_is_over(&self) {
        self.before_gap.set(0);
    }

    /// Moves received bytes into the ring, up to a full FIFO. `false` if the ring has no more room,
    /// or is off.
    #[inline(always)]
    pub(super) fn fill<R: Registers>(&self, chip: &Chip<R>) -> bool {
        self.on.get() && self.move_from(chip)
    }

    fn move_from<R: Registers>(&self, chip: &Chip<R>) -> bool {
        let entries = self.entries.take();
        // One more than a full FIFO: an overrun may take an entry too.
        for _ in 0..=FIFO {
            if self.count.get() >= entries.len() {
                break;
            }
            let Some(entry) = self.next(chip) else { break };
            let end = self.head.get() + self.count.get();
            let end = if end < entries.len() { end } else { end - entries.len() };
            if let Some(place) = entries.get_mut(end) {
                *place = entry;
            }
            self.count.set(self.count.get() + 1);
        }
        let room = self.count.get() < entries.len();
        self.entries.set(entries);
        room
    }

    /// Makes the next entry from what the chip has received.
    fn next<R: Registers>(&self, chip: &Chip<R>) -> Option<u16> {
        let status = chip.line_status();
        let come = status & lsr::DATA_READY != 0;
        let errors = chip.take_errors();
        if errors & lsr::OVERRUN != 0 {
            if self.lost.get() == 0 {
                // At an overrun the FIFO is full, and its bytes came before the lost ones. Without
                // a FIFO, the byte in the chip came after them.
                self.before_gap.set(if chip.has_fifo() { FIFO } else { 0 });
            }
            self.lost.set(self.lost.get().saturating_add(1));
        }
        if self.lost.get() != 0 && (self.before_gap.get() == 0 || !come) {
            chip.keep_errors(errors & lsr::OF_ONE_BYTE);
            let lost = self.lost.take();
            return Some(u16::from_be_bytes([lsr::OVERRUN, lost]));
        }
        let errors = errors & lsr::OF_ONE_BYTE;
        if !come && errors == 0 {
            return None;
        }
        self.before_gap.set(self.before_gap.get().saturating_sub(1));
        let byte = if come { chip.data() } else { 0 };
        Some(u16::from_be_bytes([errors, if errors == 0 { byte } else { 0 }]))
    }

    /// Takes up to [`FIFO`] bytes out of the ring, and stops before an error. Takes the error
    /// itself only if it is the first entry and `report` is set.
    fn take(&self, buffer: &mut [u8], report: bool) -> nb::Result<usize, LineError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let entries = self.entries.take();
        let mut end = Err(nb::Error::WouldBlock);
        for (taken, place) in (1..).zip(buffer.iter_mut().take(FIFO.min(self.count.get()))) {
            let Some(&entry) = entries.get(self.head.get()) else { break };
            let [errors, low] = entry.to_be_bytes();
            if errors != 0 && (end.is_ok() || !report) {
                break; // The next read reports it.
            }
            let next = self.head.get() + 1;
            self.head.set(if next < entries.len() { next } else { 0 });
            self.count.set(self.count.get() - 1);
            if errors != 0 {
                end = Err(nb::Error::Other(LineError::new(errors, low, self.read.take())));
                break;
            }
            *place = low;
            self.read.set(self.read.get().saturating_add(1));
            end = Ok(taken);
        }
        self.entries.set(entries);
        end
    }
}

/// The receiving half in continuous receive: [`Receiver::into_continuous`].
///
/// Dropping it ends continuous receive: the bytes in the ring are lost, and the UART can hand out
/// the half again.
pub struct ContinuousReceiver<'u, R: Registers> {
    filling: Filling<'u, R>,
    receiver: Receiver<'u, R>,
}

impl<R: Registers> fmt::Debug for ContinuousReceiver<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContinuousReceiver").finish_non_exhaustive()
    }
}

/// While this exists, the handler fills the ring.
struct Filling<'u, R: Registers>(&'u Uart<R>);

impl<R: Registers> Filling<'_, R> {
    fn stop(&self) -> &'static mut [u16] {
        self.0.with(|chip| {
            chip.enable(0, want::BYTES);
            chip.ring.stop()
        })
    }
}

impl<R: Registers> Drop for Filling<'_, R> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<'u, R: Registers> ContinuousReceiver<'u, R> {
    pub(super) fn start(receiver: Receiver<'u, R>, ring: &'static mut [u16]) -> Self {
        let uart = receiver.uart;
        uart.with(|chip| {
            chip.ring.start(ring);
            chip.enable(want::BYTES, 0);
        });
        Self { filling: Filling(uart), receiver }
    }

    /// Takes received bytes, at least one and at most as many as fit in `buffer`, in every form.
    /// With an empty buffer it takes 0.
    ///
    /// It also reads the chip, so a caller that spins needs no interrupt.
    ///
    /// # Errors
    /// [`LineError`], at its place among the bytes.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken before the try that succeeds.
    pub fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<Tied<'a, ContinuousRead<'a, R>>> {
        let uart = self.receiver.uart;
        self.receiver.waiter.operation(ContinuousRead { uart, buffer })
    }

    /// Ends continuous receive. Returns the half and the memory of the ring. The bytes in the ring
    /// are lost; the bytes in the chip can be received with the half.
    pub fn into_parts(self) -> (Receiver<'u, R>, &'static mut [u16]) {
        let ring = self.filling.stop();
        (self.receiver, ring)
    }
}

/// See [`ContinuousReceiver::read`].
#[doc(hidden)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct ContinuousRead<'a, R> {
    uart: &'a Uart<R>,
    buffer: &'a mut [u8],
}

impl<R> fmt::Debug for ContinuousRead<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContinuousRead").finish_non_exhaustive()
    }
}

impl<R: Registers> Attempt for ContinuousRead<'_, R> {
    type Output = usize;
    type Error = LineError;

    fn attempt(&mut self) -> nb::Result<usize, LineError> {
        let mut taken = 0;
        // Each critical section moves at most one full FIFO.
        while let Some(rest) = self.buffer.get_mut(taken..) {
            let end = self.uart.with(|chip| {
                if chip.ring.count.get() == 0 {
                    chip.ring.fill(chip);
                }
                let end = chip.ring.take(rest, taken == 0);
                // The interrupt was masked because the ring was full. Move the chip's bytes now:
                // the data sheet does not say that the receiver times out a second time.
                if !chip.wants(want::BYTES) && chip.ring.fill(chip) {
                    chip.enable(want::BYTES, 0);
                }
                end
            });
            match end {
                Ok(0) => break,
                Ok(count) => taken += count,
                Err(_) if taken > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}

impl<R: Registers> io::Read for ContinuousReceiver<'_, R> {
    type Error = LineError;

    fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<impl Wait<Output = usize, Error = LineError>> {
        self.read(buffer)
    }

    fn is_readable(&mut self) -> bool {
        self.receiver.uart.with(|chip| {
            if chip.ring.count.get() == 0 {
                chip.ring.fill(chip);
            }
            chip.ring.count.get() != 0
        })
    }
}
