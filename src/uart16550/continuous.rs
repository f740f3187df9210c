//! Continuous receive: the handler moves what comes into a ring, also while no read waits.
//!
//! Each entry of the ring is a byte, or an error that stands at its place among the bytes. When the
//! ring is full the receive interrupt is masked and the chip is not read: its FIFO fills, and after
//! that the far end is stopped by flow control, if there is any, or the chip loses bytes and says so.
//! Everything here happens under the chip's critical section.

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

/// What the handler fills and a read empties. Off, and of no size, until a receiver lends it memory.
// An entry is a byte, or in its high half the bits of LSR and in its low half how many bytes were
// lost. The memory is taken out of its cell while it is used; nothing that uses it calls any code of
// the user's but the registers'.
pub(super) struct Ring {
    entries: Cell<&'static mut [u16]>,
    on: Cell<bool>,
    /// The oldest entry.
    head: Cell<usize>,
    count: Cell<usize>,
    /// Bytes that were lost, and how many are still to be moved before that place.
    lost: Cell<u8>,
    before_gap: Cell<usize>,
    /// Good bytes that were read since the last error.
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

    /// The receiver was emptied: what was missing in it is at the ring's end.
    pub(super) fn gap_is_over(&self) {
        self.before_gap.set(0);
    }

    /// Moves what has come, at most a FIFO full. `false`: there is no room for more, or the ring is
    /// off.
    #[inline(always)]
    pub(super) fn fill<R: Registers>(&self, chip: &Chip<R>) -> bool {
        self.on.get() && self.move_from(chip)
    }

    fn move_from<R: Registers>(&self, chip: &Chip<R>) -> bool {
        let entries = self.entries.take();
        // An overrun may take an entry besides those of a FIFO full.
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

    /// The next entry, from the chip.
    fn next<R: Registers>(&self, chip: &Chip<R>) -> Option<u16> {
        let status = chip.line_status();
        let come = status & lsr::DATA_READY != 0;
        let errors = chip.take_errors();
        if errors & lsr::OVERRUN != 0 {
            if self.lost.get() == 0 {
                // The FIFO was full then, and what is in it came before. Without one, the byte in the
                // chip is the last that came.
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

    /// Takes up to a FIFO full out of the ring, up to an error. That itself only if it is the first,
    /// and only if `report`.
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
                break; // The next read's.
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

/// The receiving half while it receives continuously: [`Receiver::into_continuous`].
///
/// Dropped, it ends that: what is in the ring is gone, and the half comes back.
pub struct ContinuousReceiver<'u, R: Registers> {
    filling: Filling<'u, R>,
    receiver: Receiver<'u, R>,
}

impl<R: Registers> fmt::Debug for ContinuousReceiver<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContinuousReceiver").finish_non_exhaustive()
    }
}

/// The handler fills the ring until this is dropped.
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

    /// Takes what has come, at least one byte and at most `buffer` full, in every form. Into an empty
    /// buffer it takes 0.
    ///
    /// It looks into the chip too, so it needs no interrupt where the caller spins.
    ///
    /// # Errors
    /// [`LineError`], in its place among the bytes.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    pub fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<Tied<'a, ContinuousRead<'a, R>>> {
        let uart = self.receiver.uart;
        self.receiver.waiter.operation(ContinuousRead { uart, buffer })
    }

    /// Ends continuous receive: the half, and the memory of the ring. What is in the ring is gone; what
    /// is in the chip is the half's.
    pub fn into_parts(self) -> (Receiver<'u, R>, &'static mut [u16]) {
        let ring = self.filling.stop();
        (self.receiver, ring)
    }
}

/// See [`ContinuousReceiver::read`].
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
        // A FIFO full in each critical section.
        while let Some(rest) = self.buffer.get_mut(taken..) {
            let end = self.uart.with(|chip| {
                if chip.ring.count.get() == 0 {
                    chip.ring.fill(chip);
                }
                let end = chip.ring.take(rest, taken == 0);
                // Masked when it was full. What waits in the chip is moved at once: nothing says that
                // it times out a second time.
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
