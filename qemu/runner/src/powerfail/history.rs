//! Which records must be in the log, and which may be: compares the guest's acknowledgements with the
//! image that a power failure left.

use crate::{
    image::{self, Image},
    report::Xorshift,
};

/// The longest payload that the guest makes.
const LONGEST: usize = 96;

/// The payload of a record, as the guest makes it from its number and the seed of its boot.
pub fn payload(seed: u32, sequence: u64) -> Vec<u8> {
    let mut stream = Xorshift::new((seed ^ (sequence as u32).wrapping_mul(0x9e37_79b9)).max(1));
    let mut bytes = [0; 1 + LONGEST];
    stream.fill(&mut bytes);
    let [length, payload @ ..] = bytes;
    payload[..usize::from(length) % (LONGEST + 1)].to_vec()
}

/// What is known of a log.
#[derive(Clone, Debug)]
pub struct History {
    /// The words for records.
    capacity: u64,
    /// As last recovered: the number of the first record, the words that the records occupy, and the
    /// number of the next record.
    first: u64,
    used: u64,
    next: u64,
    /// The number after the last acknowledged record.
    acknowledged: u64,
    /// For each boot the number of its first record, and its seed. The last boot counts.
    boots: Vec<(u64, u32)>,
    /// Whether a log certainly exists.
    made: bool,
}

/// The faults of an image. It is correct if all are zero.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// Acknowledged records that are not there.
    pub lost: u64,
    /// Records whose content is not what was appended.
    pub torn: u64,
    /// Records that cannot be there: never begun, or already cleared.
    pub invented: u64,
}

impl History {
    /// For a memory of this many bytes without a log.
    pub fn new(bytes: u64) -> Self {
        let capacity = image::capacity(bytes);
        let boots = Vec::new();
        Self { capacity, first: 1, used: 0, next: 1, acknowledged: 1, boots, made: false }
    }

    /// Whether it is possible that no log exists yet.
    pub fn may_create(&self) -> bool {
        !self.made
    }

    /// A boot begins. Its records have this seed.
    pub fn boot(&mut self, seed: u32) {
        self.boots.push((self.next, seed));
    }

    /// The guest has reported a log.
    pub fn has_log(&mut self) {
        self.made = true;
    }

    /// Takes what the guest has sent. Each byte is the low byte of a number, and acknowledges all
    /// records up to that number. Returns how many records were acknowledged, or `None` if one was
    /// acknowledged twice.
    pub fn acknowledge(&mut self, bytes: &[u8]) -> Option<u64> {
        let before = self.acknowledged;
        for &byte in bytes {
            let last = self.acknowledged.wrapping_sub(1) as u8;
            match byte.wrapping_sub(last) {
                0 => return None,
                more => self.acknowledged += u64::from(more),
            }
        }
        Some(self.acknowledged - before)
    }

    /// Compares the image with the history, and continues from the image. At most `begun` records can
    /// be begun and not acknowledged.
    pub fn judge(&mut self, found: Option<&Image>, begun: u64) -> Verdict {
        let Some(found) = found else {
            let lost = self.acknowledged - self.first + u64::from(self.made);
            *self = Self { boots: Vec::new(), ..Self::new(image::bytes(self.capacity)) };
            return Verdict { lost, ..Verdict::default() };
        };
        // Records beyond were never begun, so they cannot have cleared the log.
        let next = found.next().min(self.acknowledged + begun);
        let (first, full) = self.expected_first(next);
        // The log was cleared, and nothing was appended since.
        let just_cleared = full && found.first == found.next();
        let torn = (found.first..)
            .zip(&found.records)
            .filter(|&(sequence, record)| *record != self.payload(sequence))
            .count() as u64;
        let verdict = Verdict {
            lost: self.acknowledged.saturating_sub(found.next())
                + if just_cleared { 0 } else { found.first.saturating_sub(first) },
            torn,
            invented: found.next().saturating_sub(self.acknowledged + begun)
                + first.saturating_sub(found.first),
        };
        (self.first, self.next) = (found.first, found.next());
        self.used = found.records.iter().map(|record| image::words(record.len())).sum();
        self.acknowledged = self.next;
        self.made = true;
        verdict
    }

    /// For a log whose next record is `next`: the number of its first record, and whether `next` does
    /// not fit. A log is cleared when the next record does not fit, and only then.
    fn expected_first(&self, next: u64) -> (u64, bool) {
        let (mut first, mut used) = (self.first, self.used);
        for sequence in self.next..=next {
            let words = image::words(self.payload(sequence).len());
            let full = used + words > self.capacity;
            if sequence == next {
                return (first, full);
            }
            if full {
                (first, used) = (sequence, 0);
            }
            used += words;
        }
        (first, false)
    }

    /// The payload that the record must have.
    fn payload(&self, sequence: u64) -> Vec<u8> {
        let boot = self.boots.iter().rfind(|&&(from, _)| from <= sequence);
        boot.map_or(Vec::new(), |&(_, seed)| payload(seed, sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u32 = 77;
    /// Space for about three records.
    const BYTES: u64 = 128 + 3 * (24 + 48);

    fn image(first: u64, next: u64) -> Image {
        let records = (first..next).map(|sequence| payload(SEED, sequence)).collect();
        Image { first, records }
    }

    /// Six records acknowledged in a log that is far from full.
    fn history(bytes: u64) -> History {
        let mut history = History::new(bytes);
        history.boot(SEED);
        assert_eq!(history.acknowledge(&[1, 2, 6]), Some(6));
        history
    }

    fn judged(image: &Image) -> Verdict {
        history(1 << 20).judge(Some(image), 2)
    }

    #[test]
    fn acknowledged_records_must_be_there_and_begun_ones_may_be() {
        for next in [7, 8, 9] {
            assert_eq!(judged(&image(1, next)), Verdict::default(), "up to {next}");
        }
        assert_eq!(judged(&image(1, 6)), Verdict { lost: 1, ..Verdict::default() });
        assert_eq!(judged(&image(1, 1)), Verdict { lost: 6, ..Verdict::default() });
        assert_eq!(judged(&image(3, 7)), Verdict { lost: 2, ..Verdict::default() });
        assert_eq!(judged(&image(7, 7)), Verdict { lost: 6, ..Verdict::default() });
        assert_eq!(judged(&image(1, 10)), Verdict { invented: 1, ..Verdict::default() });
        assert_eq!(history(1 << 20).judge(None, 2), Verdict { lost: 6, ..Verdict::default() });
    }

    #[test]
    fn a_change_of_any_byte_is_found() {
        let whole = image(1, 9);
        for record in 0..whole.records.len() {
            for byte in 0..whole.records[record].len() {
                let mut torn = whole.clone();
                torn.records[record][byte] ^= 1;
                assert_eq!(judged(&torn), Verdict { torn: 1, ..Verdict::default() });
            }
            let mut longer = whole.clone();
            longer.records[record].push(0);
            assert_eq!(judged(&longer).torn, 1);
        }
    }

    #[test]
    fn remains_of_an_older_boot_are_not_taken_for_records_of_this_one() {
        let mut history = history(1 << 20);
        assert_eq!(history.judge(Some(&image(1, 8)), 2), Verdict::default());
        history.boot(SEED + 1); // the power fails before it has appended anything
        assert_eq!(history.judge(Some(&image(1, 8)), 2), Verdict::default());
        history.boot(SEED + 2);
        let mut found = image(1, 9);
        assert_eq!(history.clone().judge(Some(&found), 2).torn, 1);
        found.records[7] = payload(SEED + 2, 8);
        assert_eq!(history.judge(Some(&found), 2), Verdict::default());
    }

    #[test]
    fn a_log_is_cleared_when_it_is_full_and_only_then() {
        let capacity = image::capacity(BYTES);
        let words =
            |from, to| -> u64 { (from..to).map(|n| image::words(payload(SEED, n).len())).sum() };
        // The first record that does not fit.
        let full = (1..).find(|&next| words(1, next + 1) > capacity).expect("a full log");
        assert!(full > 2, "{full}");
        let verdict = |found: &Image| {
            let mut history = History::new(BYTES);
            history.boot(SEED);
            let acknowledged: Vec<u8> = (1..full as u8).collect();
            assert_eq!(history.acknowledge(&acknowledged), Some(full - 1));
            history.judge(Some(found), 1)
        };
        assert_eq!(verdict(&image(1, full)), Verdict::default()); // before it is cleared
        assert_eq!(verdict(&image(full, full)), Verdict::default()); // after
        assert_eq!(verdict(&image(full, full + 1)), Verdict::default()); // and one more
        let lost = Verdict { lost: full - 1, ..Verdict::default() };
        assert_eq!(verdict(&image(full + 1, full + 1)).lost, 1, "the next fits");
        let mut early = History::new(BYTES);
        early.boot(SEED);
        early.acknowledge(&[1]);
        assert_eq!(early.judge(Some(&image(2, 2)), 1), Verdict { lost: 1, ..lost });
        // Not cleared, though it was full.
        assert_eq!(verdict(&image(1, full + 1)).invented, full - 1);
    }

    #[test]
    fn acknowledgements_are_the_low_byte_of_a_number() {
        let mut history = History::new(1 << 20);
        let all: Vec<u8> = (1..=600_u32).map(|number| number as u8).collect();
        assert_eq!(history.acknowledge(&all), Some(600));
        assert_eq!(history.acknowledge(&[]), Some(0));
        assert_eq!(history.acknowledge(&[(608_u32) as u8]), Some(8));
        assert_eq!(history.acknowledge(&[(608_u32) as u8]), None);
    }

    #[test]
    fn a_log_that_was_never_made_is_not_lost() {
        let mut history = History::new(1 << 20);
        history.boot(SEED);
        assert_eq!(history.judge(None, 8), Verdict::default());
        assert!(history.may_create());
        history.has_log();
        assert!(!history.may_create());
        assert_eq!(history.judge(None, 8), Verdict { lost: 1, ..Verdict::default() });
    }

    /// The guest has the same function (`record.rs`). Payloads have every length, and none is too long.
    #[test]
    fn payloads_have_every_length() {
        let lengths: std::collections::BTreeSet<_> =
            (1..5000).map(|sequence| payload(SEED, sequence).len()).collect();
        assert_eq!(lengths, (0..=LONGEST).collect());
    }
}
