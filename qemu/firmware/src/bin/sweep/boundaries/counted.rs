//! On every board: the instructions executed before each placement, from the board's counter, which
//! is not the device that places.
//!
//! The placements of a stretch are made in order. All runs of it are the same until the event comes,
//! and the alarm of each is at most one instruction later than that of the one before. So a
//! placement comes at the boundary of the one before it or at the next one, except that what is due
//! while interrupts are masked all comes when they are let in again: then as many placements come at
//! one boundary as instructions were executed to get there. Fewer mean that a boundary was skipped.
//! (One fewer, if another interrupt was taken at that boundary: what is due just then comes after its
//! handler, and has to be found there.)
//!
//! What this cannot tell from masked interrupts is an alarm that comes only at every second boundary,
//! and there twice. So one path has many boundaries in a row at each of which interrupts are let in,
//! and [`Stretch::longest_row`] is how many in a row were hit one after the other.

use core::mem::take;

/// A boundary, and what it was hit by.
#[derive(Clone, Copy, Default)]
struct Boundary {
    /// Instructions executed before it, from the start of the alarm.
    number: u32,
    /// Placements that came there.
    hits: u32,
    /// Whether it may be the sleep.
    far: bool,
}

/// The placements of one event.
#[derive(Default)]
pub struct Stretch {
    last: Boundary,
    /// The number of the boundary before that.
    before: Option<u32>,
    /// Instructions executed without a placement of their own.
    skipped: u64,
    /// The same, but perhaps of the sleep, in which no instruction is executed.
    doubtful: u64,
    /// An instruction whose placement should be among those at the next boundary.
    owed: u32,
    boundaries: u32,
    row: u32,
    longest_row: u32,
}

impl Stretch {
    /// The next placement, of at most one instruction later, came after `number` instructions. `far`:
    /// where a far event comes, so perhaps in the sleep.
    pub fn place(&mut self, number: u32, far: bool) {
        let last = self.last;
        if last.hits == 0 {
            self.boundaries = 1;
            self.last = Boundary { number, hits: 1, far };
            return;
        }
        if number == last.number {
            self.last.hits += 1;
            return;
        }
        let missing = match self.before {
            None => 0, // The placements from before the stretch began.
            Some(before) => (last.number - before + self.owed).saturating_sub(last.hits),
        };
        // Another interrupt may have been taken there, before an event that was due just then.
        let is_owed = missing == 1 && number > last.number.saturating_add(1);
        self.owed = u32::from(is_owed);
        let missing = if is_owed { 0 } else { missing };
        // Going back, it is not the same path.
        let missing = u64::from(missing) + u64::from(number < last.number);
        if last.far || far && number < last.number {
            self.doubtful += missing;
        } else {
            self.skipped += missing;
        }
        if !far {
            self.skipped += take(&mut self.doubtful);
            self.boundaries += 1;
        }
        self.row = if number == last.number.wrapping_add(1) && !far { self.row + 1 } else { 0 };
        self.longest_row = self.longest_row.max(self.row);
        self.before = Some(last.number.min(number));
        self.last = Boundary { number, hits: 1, far };
    }

    /// Boundaries skipped; at least that many.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Boundaries hit.
    pub fn boundaries(&self) -> u32 {
        self.boundaries
    }

    /// The most boundaries hit one after the other, one instruction apart.
    pub fn longest_row(&self) -> u32 {
        self.longest_row
    }
}
