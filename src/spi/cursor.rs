//! Where a transaction is among the words of its operations.

// # Invariant
// **`received <= sent <= total`**: a word comes back for each that was sent. So in an operation in place,
// a word is sent before its place is overwritten.

use core::slice;

use embedded_hal::spi::Operation;

/// Where a transaction is in one operation. A controller takes from it what to send, and puts into it what
/// was received: as many words as it has sent.
#[derive(Debug)]
pub struct Cursor<'a, 'b, W: 'static> {
    /// The places for what is received.
    read: &'a mut [W],
    /// What is sent, unless it is in `read`.
    write: &'a [W],
    in_place: bool,
    total: usize,
    sent: usize,
    received: usize,
    /// The operations after this one.
    rest: slice::IterMut<'a, Operation<'b, W>>,
    moved: usize,
}

/// What comes next in a transaction.
pub(super) enum Next {
    /// An operation with words.
    Words,
    /// A delay, in nanoseconds.
    Delay(u32),
    /// The end.
    End,
}

impl<'a, 'b, W: Copy> Cursor<'a, 'b, W> {
    /// Before the first operation.
    #[inline]
    pub(super) fn new(operations: &'a mut [Operation<'b, W>]) -> Self {
        let rest = operations.iter_mut();
        let (sent, received, total) = (0, 0, 0);
        Self { read: &mut [], write: &[], in_place: false, total, sent, received, rest, moved: 0 }
    }

    /// The number of words that are still to be sent in this operation.
    #[inline(always)]
    pub const fn left(&self) -> usize {
        self.total - self.sent
    }

    /// The number of words that were sent in this operation and have not come back.
    #[inline(always)]
    pub const fn in_flight(&self) -> usize {
        self.sent - self.received
    }

    /// Whether nothing that comes back in this operation has a place.
    #[inline(always)]
    pub const fn only_writes(&self) -> bool {
        self.read.is_empty()
    }

    /// Whether all words of this operation were sent, and have come back.
    #[inline(always)]
    pub const fn is_through(&self) -> bool {
        self.received == self.total
    }

    /// Takes the next word to send; it is `fill` where the operation only reads. `None` if none is left.
    #[inline]
    pub fn send(&mut self, fill: W) -> Option<W> {
        if self.sent == self.total {
            return None;
        }
        let words = if self.in_place { &*self.read } else { self.write };
        let word = words.get(self.sent).copied().unwrap_or(fill);
        self.sent += 1;
        Some(word)
    }

    /// Puts the next received word where it belongs; where the operation only writes, that is nowhere.
    /// Returns `false`, and drops the word, if none is in flight: it belongs to an earlier transaction.
    #[inline]
    pub fn received(&mut self, word: W) -> bool {
        if self.received == self.sent {
            return false;
        }
        if let Some(place) = self.read.get_mut(self.received) {
            *place = word;
        }
        self.received += 1;
        self.moved += 1;
        true
    }

    /// Moves to the next operation that does something. What is left of this one is passed over.
    pub(super) fn next(&mut self) -> Next {
        (self.sent, self.received, self.total) = (0, 0, 0);
        for operation in self.rest.by_ref() {
            self.in_place = matches!(operation, Operation::TransferInPlace(_));
            let (read, write): (&mut [W], &[W]) = match operation {
                Operation::Read(words) | Operation::TransferInPlace(words) => (words, &[]),
                Operation::Transfer(read, write) => (read, write),
                Operation::Write(words) => (&mut [], words),
                Operation::DelayNs(ns) => return Next::Delay(*ns),
            };
            (self.read, self.write) = (read, write);
            self.total = self.read.len().max(self.write.len());
            if self.total > 0 {
                return Next::Words;
            }
        }
        Next::End
    }

    /// The words that were sent and have come back, in all operations.
    #[inline]
    pub(super) const fn moved(&self) -> usize {
        self.moved
    }
}
