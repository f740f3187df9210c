//! Where a transaction is among the bytes of its operations.

// # Invariant
// **`left` counts the bytes of `bytes` and of the operations at the front of `rest` that have its
// direction**: what the controller is still to move in this run.

use core::slice;

use embedded_hal::i2c::Operation;

use super::Address;

/// Which way the bytes of a run go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Direction {
    /// To the target.
    Write,
    /// From the target.
    Read,
}

/// Where a transaction is. A [`Controller`](super::Controller) takes from it what to send, and puts
/// into it what was received.
///
/// It is in one *run*: adjacent operations of one direction, behind one START.
#[derive(Debug)]
pub struct Cursor<'a, 'b> {
    address: Address,
    /// What is left of the operation that it is in.
    bytes: Bytes<'a>,
    /// The operations after that one.
    rest: slice::IterMut<'a, Operation<'b>>,
    left: usize,
    moved: usize,
}

#[derive(Debug)]
enum Bytes<'a> {
    Write(slice::Iter<'a, u8>),
    Read(slice::IterMut<'a, u8>),
}

impl<'a> Bytes<'a> {
    #[inline]
    fn of(operation: &'a mut Operation<'_>) -> Self {
        match operation {
            Operation::Write(bytes) => Self::Write(bytes.iter()),
            Operation::Read(bytes) => Self::Read(bytes.iter_mut()),
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Write(bytes) => bytes.len(),
            Self::Read(bytes) => bytes.len(),
        }
    }

    #[inline]
    const fn direction(&self) -> Direction {
        match self {
            Self::Write(_) => Direction::Write,
            Self::Read(_) => Direction::Read,
        }
    }
}

impl<'a, 'b> Cursor<'a, 'b> {
    /// Before the first run.
    #[inline]
    pub(super) fn new(address: Address, operations: &'a mut [Operation<'b>]) -> Self {
        // The other direction, so that the first operation begins a run.
        let bytes = match operations.first() {
            Some(Operation::Read(_)) => Bytes::Write([].iter()),
            _ => Bytes::Read([].iter_mut()),
        };
        Self { address, bytes, rest: operations.iter_mut(), left: 0, moved: 0 }
    }

    /// The target.
    #[inline(always)]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The direction of this run.
    #[inline(always)]
    pub const fn direction(&self) -> Direction {
        self.bytes.direction()
    }

    /// The number of bytes that are left in this run.
    #[inline(always)]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// Takes the next byte to send in this run. `None` if none is left, or if this is a run of reads.
    #[inline]
    pub fn send(&mut self) -> Option<u8> {
        let Bytes::Write(bytes) = self.current()? else { return None };
        let byte = *bytes.next()?;
        self.count_one();
        Some(byte)
    }

    /// Puts the next received byte of this run where it belongs. `false`, and the byte is dropped: none
    /// is expected, or this is a run of writes.
    #[inline]
    pub fn received(&mut self, byte: u8) -> bool {
        let Some(Bytes::Read(bytes)) = self.current() else { return false };
        let Some(place) = bytes.next() else { return false };
        *place = byte;
        self.count_one();
        true
    }

    /// Moves to the next run, for which the controller sends a repeated START. What is left of this run
    /// is passed over. `false`: there is none, and the controller sends STOP.
    pub fn next_run(&mut self) -> bool {
        while let Some(operation) = self.rest.next() {
            let bytes = Bytes::of(operation);
            let direction = bytes.direction();
            if direction == self.bytes.direction() {
                continue; // It belongs to the run that ends here.
            }
            let of_this_run = self.rest.as_slice().iter().map_while(|operation| match operation {
                Operation::Write(bytes) => (direction == Direction::Write).then_some(bytes.len()),
                Operation::Read(bytes) => (direction == Direction::Read).then_some(bytes.len()),
            });
            // Writes may list the same bytes often, so the sum has no bound.
            self.left = of_this_run.fold(bytes.len(), usize::saturating_add);
            self.bytes = bytes;
            if self.left > 0 || direction == Direction::Write {
                return true;
            }
        }
        self.left = 0;
        false
    }

    /// The bytes that were moved, in all runs.
    #[inline]
    pub(super) const fn moved(&self) -> usize {
        self.moved
    }

    /// The operation that the next byte of this run belongs to. `None` at the run's end.
    #[inline]
    fn current(&mut self) -> Option<&mut Bytes<'a>> {
        if self.left == 0 {
            return None;
        }
        while self.bytes.len() == 0 {
            self.bytes = Bytes::of(self.rest.next()?);
        }
        Some(&mut self.bytes)
    }

    #[inline]
    fn count_one(&mut self) {
        self.left -= 1;
        self.moved += 1;
    }
}
