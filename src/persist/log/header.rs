//! The header: two copies of one line, so that one of them is whole whatever a power cut or one
//! damaged line leaves.
//!
//! # Invariants
//! 1. After `create`, `recover` and `clear` both copies are whole and equal. They are written one
//!    after the other, each drained before the next is touched, and the older one first. So a cut
//!    tears at most one copy, and the other is the state before or after.
//! 2. The magic is stored when the rest of its copy is persistent, and is zero while there is no
//!    log. So a creation that was cut short leaves no sign of a log, and damage to a log always
//!    leaves one.

use super::{Error, Memory, PREFIX, checksum};

/// Words of a copy, and of both.
const COPY: usize = 8;
pub(super) const WORDS: usize = 2 * COPY;
/// Where the words of a copy are. Word 6 is zero.
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
/// A word that differs from the magic in so few bits was one. By chance that is one word of
/// 3,600,000,000.
const NEARLY: u32 = 8;
/// Beyond this number no log begins: what follows it is countable.
const LAST_FIRST: u64 = u64::MAX / 2;

/// Which log this is. No two are the same in one memory, since the generation counts every `create`
/// and `clear`; logs in different memories differ by their salt, as far as [`Memory::salt`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub generation: u64,
    pub salt: u64,
}

impl Identity {
    /// The one after this, which comes from memory with this salt.
    pub fn next(self, salt: u64) -> Self {
        let generation = self.generation.wrapping_add(1);
        Self { generation, salt: mixed(self.salt ^ mixed(salt)) }
    }

    /// Both in one word, for a record's cursor.
    pub fn word(self) -> u64 {
        checksum::of([self.generation, self.salt].into_iter())
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit.
fn mixed(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// What a copy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Words of the log's memory.
    pub words: u64,
    pub identity: Identity,
    /// The number of the first record.
    pub first: u64,
    /// Recoveries since the identity began, and one.
    pub epoch: u32,
}

/// What a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    Damaged,
    OtherVersion,
    /// No sign of a log.
    Blank,
}

impl Header {
    /// Of a new, empty log in this memory. Its identity follows on what is left of the last log's
    /// header, also of one that `create` has taken away without getting further.
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

    /// The header that is in the memory.
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

    /// As [`find`](Self::find), in the epoch that a recovery begins.
    pub fn recovered(memory: &(impl Memory + ?Sized)) -> Result<Self, Error> {
        let header = Self::find(memory)?;
        let epoch = header.epoch.checked_add(1).ok_or(Error::Exhausted)?;
        Ok(Self { epoch, ..header })
    }

    /// Makes it the header of this memory. Persistent when it returns (invariant 1).
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

    /// Which of two whole ones counts.
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

/// Takes the log away (invariant 2), and leaves its identity for the next one.
pub(super) fn remove(memory: &mut impl Memory) {
    for copy in oldest_first(memory) {
        persist(memory, copy * COPY + MAGIC_AT, 0);
    }
}

/// A copy as far as its checksum holds, whatever its magic is; and what it is.
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

/// The copies in the order in which they are written: the one that counts is the last.
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
