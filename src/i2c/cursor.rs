//! Where a transaction is among the bytes of its operations.

// # Invariant
// **`left` counts the bytes of `bytes` and of the operations at the front of `rest` that have its
// direction**: what the controller is still to move in this run. **`bytes` is empty only if `left` is 0.**
// `begun` minus `left`, each modulo its size, is the number of bytes that were moved.

use core::{mem, slice};

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
    begun: usize,
}

/// In the order of [`Operation`], so that the compiler need not translate.
#[derive(Debug)]
enum Bytes<'a> {
    Read(slice::IterMut<'a, u8>),
    Write(slice::Iter<'a, u8>),
    /// Before the first run, and after the last one.
    None,
}

impl<'a> Bytes<'a> {
    #[inline]
    fn of(operation: &'a mut Operation<'_>) -> Self {
        match operation {
            Operation::Read(bytes) => Self::Read(bytes.iter_mut()),
            Operation::Write(bytes) => Self::Write(bytes.iter()),
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Read(bytes) => bytes.len(),
            Self::Write(bytes) => bytes.len(),
            Self::None => 0,
        }
    }
}

/// The number of bytes of an operation, if it belongs to a run of reads or of writes.
#[inline]
fn length(operation: &Operation<'_>, reads: bool) -> Option<usize> {
    match operation {
        Operation::Read(bytes) => reads.then_some(bytes.len()),
        Operation::Write(bytes) => (!reads).then_some(bytes.len()),
    }
}

impl<'a, 'b> Cursor<'a, 'b> {
    /// Before the first run.
    #[inline]
    pub(super) fn new(address: Address, operations: &'a mut [Operation<'b>]) -> Self {
        Self { address, bytes: Bytes::None, rest: operations.iter_mut(), left: 0, begun: 0 }
    }

    /// The target.
    #[inline(always)]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The direction of this run.
    #[inline(always)]
    pub const fn direction(&self) -> Direction {
        match self.bytes {
            Bytes::Read(_) => Direction::Read,
            Bytes::Write(_) | Bytes::None => Direction::Write,
        }
    }

    /// The number of bytes that are left in this run.
    #[inline(always)]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// Takes the next byte to send in this run. `None` if none is left, or if this is a run of reads.
    #[inline]
    pub fn send(&mut self) -> Option<u8> {
        let Bytes::Write(bytes) = &mut self.bytes else { return None };
        let byte = *bytes.next()?;
        self.count_one();
        Some(byte)
    }

    /// Puts the next received byte of this run where it belongs. `false`, and the byte is dropped: none
    /// is expected, or this is a run of writes.
    #[inline]
    pub fn received(&mut self, byte: u8) -> bool {
        let Bytes::Read(bytes) = &mut self.bytes else { return false };
        let Some(place) = bytes.next() else { return false };
        *place = byte;
        self.count_one();
        true
    }

    /// Moves to the next run, for which the controller sends a repeated START. What is left of this run
    /// is passed over. `false`: there is none, and the controller sends STOP.
    pub fn next_run(&mut self) -> bool {
        let moved = self.moved();
        self.left = 0;
        let is_there = loop {
            let Some(operation) = self.rest.next() else {
                self.bytes = Bytes::None;
                break false;
            };
            let next = Bytes::of(operation);
            if mem::discriminant(&next) == mem::discriminant(&self.bytes) {
                continue; // It belongs to the run that ends here.
            }
            self.bytes = next;
            let reads = matches!(self.bytes, Bytes::Read(_));
            let of_this_run = self.rest.as_slice().iter().map_while(|next| length(next, reads));
            // Writes may list the same bytes often, so the sum has no bound.
            self.left = of_this_run.fold(self.bytes.len(), usize::saturating_add);
            if self.left > 0 || !reads {
                break true;
            }
        };
        self.begun = moved.wrapping_add(self.left);
        self.skip_empty();
        is_there
    }

    /// The bytes that were moved, in all runs.
    #[inline]
    pub(super) const fn moved(&self) -> usize {
        self.begun.wrapping_sub(self.left)
    }

    #[inline]
    fn count_one(&mut self) {
        self.left -= 1;
        self.skip_empty();
    }

    /// Moves to the operation that the next byte of this run belongs to.
    #[inline]
    fn skip_empty(&mut self) {
        if self.bytes.len() == 0 && self.left > 0 {
            self.next_operation();
        }
    }

    // Rare: a run is mostly one operation.
    #[inline(never)]
    fn next_operation(&mut self) {
        while self.bytes.len() == 0 {
            let Some(operation) = self.rest.next() else { return };
            self.bytes = Bytes::of(operation);
        }
    }
}
