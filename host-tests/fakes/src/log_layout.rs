//! The layout of `persist::log`, written a second time from its documentation, to forge and to
//! damage headers and records.

/// The number of words of one copy of the header.
pub const COPY: usize = 8;
/// The number of words of both copies.
pub const HEADER: usize = 2 * COPY;
/// The number of words of a record before its payload.
pub const PREFIX: usize = 3;

/// CRC-64/XZ by its definition, bit by bit.
pub fn checksum(words: &[u64]) -> u64 {
    let mut sum = !0_u64;
    for bit in words.iter().flat_map(|word| (0..64).map(move |n| word >> n & 1)) {
        let out = (sum & 1) ^ bit;
        sum = (sum >> 1) ^ (out * 0xc96c_5795_d787_0f42);
    }
    !sum
}

/// The contents of a header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Words of the memory.
    pub words: u64,
    /// Counts the calls of `create` and `clear`.
    pub generation: u64,
    /// The other half of the log's identity.
    pub salt: u64,
    /// The number of the first record.
    pub first: u64,
    /// The number of recoveries plus one.
    pub epoch: u64,
}

impl Header {
    /// The header in this memory, read from its first copy.
    pub fn of(memory: &[u64]) -> Self {
        let [_, words, generation, salt, first, epoch, ..] = *memory else { panic!("too short") };
        Self { words, generation, salt, first, epoch }
    }

    /// One copy of this header, as it stands in memory.
    pub fn copy(&self) -> [u64; COPY] {
        let magic = u64::from_le_bytes(*b"wblog\0\0\x02");
        let Self { words, generation, salt, first, epoch } = *self;
        let mut copy = [magic, words, generation, salt, first, epoch, 0, 0];
        copy[COPY - 1] = checksum(&copy[..COPY - 1]);
        copy
    }

    /// Writes both copies.
    pub fn put(&self, memory: &mut [u64]) {
        memory[..COPY].copy_from_slice(&self.copy());
        memory[COPY..HEADER].copy_from_slice(&self.copy());
    }

    /// The words of a record of this log that begins at word `at`.
    pub fn record(&self, at: usize, sequence: u64, payload: &[u8]) -> Vec<u64> {
        let prefix = [sequence, self.epoch << 32 | payload.len() as u64];
        let payload = payload.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        let payload: Vec<u64> = payload.collect();
        let place = [self.generation, self.salt, at as u64];
        let sum = checksum(&[&place[..], &prefix, &payload].concat());
        [&prefix[..], &[sum], &payload].concat()
    }
}
