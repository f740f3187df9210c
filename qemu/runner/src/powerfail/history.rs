//! What must be in the log, and what may be: the guest's acknowledgements against the image that a
//! power failure left.

use crate::{
    image::{self, Image},
    report::Xorshift,
};
use std::io::Read;

/// The longest payload that the guest makes.
const LONGEST: usize = 96;

/// The payload of a record, as the guest makes it from its number and the seed of its boot.
pub fn payload(seed: u32, sequence: u64) -> Vec<u8> {
    let mut stream = Xorshift::new((seed ^ (sequence as u32).wrapping_mul(0x9e37_79b9)).max(1));
    let mut bytes = [0; 1 + LONGEST];
    // An xorshift has no end and no error.
    _ = stream.read(&mut bytes);
    let [length, payload @ ..] = bytes;
    payload[..usize::from(length) % (LONGEST + 1)].to_vec()
}

/// What is known of a log.
#[derive(Clone, Debug)]
pub struct History {
    /// The words that it has for records.
    capacity: u64,
    /// Its first record, the words that its records take, and what is next, as last recovered.
    first: u64,
    used: u64,
    next: u64,
    /// What is next after all that is acknowledged.
    acknowledged: u64,
    /// From which number on a boot has written, and its seed; the last one counts.
    boots: Vec<(u64, u32)>,
    /// Whether there is a log for certain.
    made: bool,
}

/// What an image is found to be. All zeros: as it must be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Verdict {
    /// Acknowledged records that are not there.
    pub lost: u64,
    /// Records whose content is not what was appended.
    pub torn: u64,
    /// Records that cannot be there: never begun, or cleared long ago.
    pub invented: u64,
}

impl History {
    /// Of a memory of so many bytes with no log in it.
    pub fn new(bytes: u64) -> Self {
        let capacity = image::capacity(bytes);
        let boots = Vec::new();
        Self { capacity, first: 1, used: 0, next: 1, acknowledged: 1, boots, made: false }
    }

    /// Whether there is no log yet, for all that is known.
    pub fn may_create(&self) -> bool {
        !self.made
    }

    /// A boot begins, which fills its records by this seed.
    pub fn boot(&mut self, seed: u32) {
        self.boots.push((self.next, seed));
    }

    /// The guest says that it has a log.
    pub fn has_log(&mut self) {
        self.made = true;
    }

    /// What the guest has sent: each byte is the last of a number, and acknowledges all records up
    /// to it. Answers how many it has acknowledged, or `None` if it makes no sense.
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

    /// Judges what is left, when at most so many records can have been begun and not acknowledged;
    /// and takes it for what there is.
    pub fn judge(&mut self, found: Option<&Image>, begun: u64) -> Verdict {
        let Some(found) = found else {
            let lost = self.acknowledged - self.first + u64::from(self.made);
            *self = Self { boots: Vec::new(), ..Self::new(image::bytes(self.capacity)) };
            return Verdict { lost, ..Verdict::default() };
        };
        // What is beyond was never begun, so it has no say in what was cleared.
        let next = found.next().min(self.acknowledged + begun);
        let (first, full) = self.expected_first(next);
        // Cleared, and nothing appended since.
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

    /// The number of the first record of a log in which that one is next, and whether that one does
    /// not fit into it: a log is cleared when the next record does not fit, and only then.
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

    /// What the record must hold.
    fn payload(&self, sequence: u64) -> Vec<u8> {
        let boot = self.boots.iter().rfind(|&&(from, _)| from <= sequence);
        boot.map_or(Vec::new(), |&(_, seed)| payload(seed, sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u32 = 77;
    /// For about three records.
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
    fn what_must_be_there_and_what_may_be() {
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
    fn every_byte_counts() {
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
    fn an_older_boots_remains_are_no_records_of_this_one() {
        let mut history = history(1 << 20);
        assert_eq!(history.judge(Some(&image(1, 8)), 2), Verdict::default());
        history.boot(SEED + 1); // cut before it has appended anything
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
    fn acknowledgements_are_the_last_byte_of_a_number() {
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

    /// The guest has the same function (`record.rs`): lengths of all sizes, none too long.
    #[test]
    fn payloads_have_every_length() {
        let lengths: std::collections::BTreeSet<_> =
            (1..5000).map(|sequence| payload(SEED, sequence).len()).collect();
        assert_eq!(lengths, (0..=LONGEST).collect());
    }
}
