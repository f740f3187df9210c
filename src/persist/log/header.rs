//! The header: two copies, one cache line each. After a power cut, or with one damaged line, one of
//! the copies is whole.

// Invariants:
// 1. After `create`, `recover` and `clear` both copies are whole and equal. They are written one
//    after the other, the older one first, and each is drained before the other is written. So a
//    power cut damages at most one copy; the other has the state before or after.
// 2. The magic is stored after the rest of its copy is persistent, and is zero while there is no
//    log. So an interrupted creation leaves no sign of a log, and a damaged log always leaves one.

use super::{Error, Memory, PREFIX, checksum};

/// The number of words in a copy, and in both.
const COPY: usize = 8;
pub(super) const WORDS: usize = 2 * COPY;
/// The indices of the words in a copy. Word 6 is zero.
const MAGIC_AT: usize = 0;
const LENGTH_AT: usize = 1;
const GENERATION_AT: usize = 2;
const SALT_AT: usize = 3;
const FIRST_AT: usize = 4;
const EPOCH_AT: usize = 5;
const SUM_AT: usize = COPY - 1;

/// The last byte is the version.
const MAGIC: u64 = u64::from_le_bytes(*b"wblog\0\0\x02");
const VERSION: u64 = 0xff << 56;
/// A word that differs from the magic in at most this many bits is taken to be a damaged magic. One
/// in 3,600,000,000 random words is that close.
const NEARLY: u32 = 8;
/// The first record of a log has at most this number, so that the numbers after it do not overflow.
const LAST_FIRST: u64 = u64::MAX / 2;

/// The identity of a log. No two logs in one memory have the same, because the generation counts
/// every `create` and `clear`. Logs in different memories differ by their salt, as far as
/// [`Memory::salt`] differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub generation: u64,
    pub salt: u64,
}

impl Identity {
    /// The next identity. `salt` comes from the memory.
    pub fn next(self, salt: u64) -> Self {
        let generation = self.generation.wrapping_add(1);
        Self { generation, salt: mixed(self.salt ^ mixed(salt)) }
    }

    /// The identity in one word, for a [`Record`](super::Record).
    pub fn word(self) -> u64 {
        checksum::of([self.generation, self.salt].into_iter())
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every output bit depends on every input
/// bit.
fn mixed(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// The content of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The length of the log's memory in words.
    pub words: u64,
    pub identity: Identity,
    /// The number of the first record.
    pub first: u64,
    /// 1 plus the number of recoveries since the log got its identity.
    pub epoch: u32,
}

/// The state of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    Damaged,
    OtherVersion,
    /// No sign of a log.
    Blank,
}

impl Header {
    /// The header of a new, empty log in this memory. Its identity follows the identity of the last
    /// log in this memory, as far as that log's header is readable. This includes a log that an
    /// interrupted `create` has removed.
    pub fn new(memory: &(impl Memory + ?Sized)) -> Self {
        let salt = memory.salt();
        let remains = [0, 1].map(|copy| read(memory, copy).0).into_iter().flatten();
        let before = remains.map(|header| header.identity).max_by_key(|last| last.generation);
        let identity = before.unwrap_or_else(|| {
            let sum = checksum::of((0..WORDS).map(|word| memory.load(word)));
            Identity { generation: 0, salt: sum }
        });
        let words = memory.words() as u64;
        Self { words, identity: identity.next(salt), first: 1, epoch: 1 }
    }

    /// Reads the header in the memory.
    pub fn find(memory: &(impl Memory + ?Sized)) -> Result<Self, Error> {
        if memory.words() < WORDS + PREFIX {
            return Err(Error::TooSmall);
        }
        let copies = [0, 1].map(|copy| read(memory, copy));
        let whole = copies.into_iter().filter(|&(_, state)| state == State::Whole);
        let newest = whole.filter_map(|(header, _)| header).max_by_key(Self::age);
        let is = |wanted| copies.iter().any(|&(_, state)| state == wanted);
        let header = newest.ok_or(match () {
            () if is(State::Damaged) => Error::Damaged,
            () if is(State::OtherVersion) => Error::OtherVersion,
            () => Error::NotALog,
        })?;
        match header.words {
            words if words != memory.words() as u64 => Err(Error::OtherLength { words }),
            _ if header.first > LAST_FIRST => Err(Error::Exhausted),
            _ => Ok(header),
        }
    }

    /// As [`find`](Self::find), with the next epoch: the epoch that a recovery begins.
    pub fn recovered(memory: &(impl Memory + ?Sized)) -> Result<Self, Error> {
        let header = Self::find(memory)?;
        let epoch = header.epoch.checked_add(1).ok_or(Error::Exhausted)?;
        Ok(Self { epoch, ..header })
    }

    /// Writes the header to this memory. It is persistent when this returns (invariant 1).
    pub fn write(&self, memory: &mut impl Memory) {
        for copy in oldest_first(memory) {
            let (words, at) = (self.stored(), copy * COPY);
            for (word, value) in words.into_iter().enumerate().skip(MAGIC_AT + 1) {
                memory.store(at + word, value);
            }
            memory.flush(at + MAGIC_AT + 1..at + COPY);
            memory.drain();
            if memory.load(at + MAGIC_AT) != MAGIC {
                persist(memory, at + MAGIC_AT, MAGIC); // invariant 2
            }
        }
    }

    /// Of two whole copies the one with the higher age is valid.
    fn age(&self) -> (u64, u32) {
        (self.identity.generation, self.epoch)
    }

    fn stored(&self) -> [u64; COPY] {
        let mut words = [0; COPY];
        words[MAGIC_AT] = MAGIC;
        words[LENGTH_AT] = self.words;
        words[GENERATION_AT] = self.identity.generation;
        words[SALT_AT] = self.identity.salt;
        words[FIRST_AT] = self.first;
        words[EPOCH_AT] = u64::from(self.epoch);
        words[SUM_AT] = checksum::of(words.into_iter().take(SUM_AT));
        words
    }
}

/// Removes the log (invariant 2), but leaves its identity for the next log.
pub(super) fn remove(memory: &mut impl Memory) {
    for copy in oldest_first(memory) {
        persist(memory, copy * COPY + MAGIC_AT, 0);
    }
}

/// Reads a copy: its content if its checksum is right, whatever its magic is, and its state.
fn read(memory: &(impl Memory + ?Sized), copy: usize) -> (Option<Header>, State) {
    let words: [u64; COPY] = core::array::from_fn(|word| memory.load(copy * COPY + word));
    let header = Header {
        words: words[LENGTH_AT],
        identity: Identity { generation: words[GENERATION_AT], salt: words[SALT_AT] },
        first: words[FIRST_AT],
        epoch: words[EPOCH_AT] as u32,
    };
    let stored = header.stored();
    let holds = stored[MAGIC_AT + 1..] == words[MAGIC_AT + 1..];
    let wrong = words[MAGIC_AT] ^ MAGIC;
    let state = match words[MAGIC_AT] {
        MAGIC if holds => State::Whole,
        0 => State::Blank,
        _ if holds => State::Damaged,
        _ if wrong != 0 && wrong & !VERSION == 0 => State::OtherVersion,
        _ if wrong.count_ones() <= NEARLY => State::Damaged,
        _ => State::Blank,
    };
    (holds.then_some(header), state)
}

/// The copies in the order in which they are written: the valid copy is the last.
fn oldest_first(memory: &impl Memory) -> [usize; 2] {
    let age = |copy| match read(memory, copy) {
        (Some(header), State::Whole) => Some(header.age()),
        _ => None,
    };
    if age(0) > age(1) { [1, 0] } else { [0, 1] }
}

fn persist(memory: &mut impl Memory, word: usize, value: u64) {
    memory.store(word, value);
    memory.flush(word..word + 1);
    memory.drain();
}
