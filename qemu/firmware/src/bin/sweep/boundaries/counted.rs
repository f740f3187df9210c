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
//! and [`Stretch::row`] is how many in a row were hit one after the other.

/// What one boundary was hit by.
#[derive(Clone, Copy, Default)]
struct Group {
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
    last: Group,
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
        if self.last.hits == 0 {
            self.boundaries = 1;
            self.last = Group { number, hits: 1, far };
            return;
        }
        if number == self.last.number {
            self.last.hits += 1;
            return;
        }
        let missing = match self.before {
            None => 0, // The placements from before the stretch began.
            Some(before) => (self.last.number - before + self.owed).saturating_sub(self.last.hits),
        };
        // Another interrupt may have been taken there, before an event that was due just then.
        let is_owed = missing == 1 && number > self.last.number.saturating_add(1);
        self.owed = u32::from(is_owed);
        let missing = if is_owed { 0 } else { missing };
        // Going back, it is not the same path.
        let missing = u64::from(missing) + u64::from(number < self.last.number);
        if self.last.far || far && number < self.last.number {
            self.doubtful += missing;
        } else {
            self.skipped += missing;
        }
        if !far {
            self.skipped += core::mem::take(&mut self.doubtful);
            self.boundaries += 1;
        }
        self.row =
            if number == self.last.number.wrapping_add(1) && !far { self.row + 1 } else { 0 };
        self.longest_row = self.longest_row.max(self.row);
        self.before = Some(self.last.number.min(number));
        self.last = Group { number, hits: 1, far };
    }

    /// Whether that is the boundary of the last placement or the next one.
    pub fn is_next(&self, number: u32) -> bool {
        self.last.hits == 0 || number.wrapping_sub(self.last.number) <= 1
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
    pub fn row(&self) -> u32 {
        self.longest_row
    }
}
