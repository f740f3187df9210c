//! The layout of `persist::log`, written a second time from its documentation: to forge headers and
//! records, and to damage them.

/// Words of a copy of the header, of both, and of what precedes a payload.
pub const COPY: usize = 8;
/// Both copies.
pub const HEADER: usize = 2 * COPY;
/// Of a record, before its payload.
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

/// What a header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Words of the memory.
    pub words: u64,
    /// Counts `create` and `clear`.
    pub generation: u64,
    /// The other half of the identity.
    pub salt: u64,
    /// The number of the first record.
    pub first: u64,
    /// Recoveries, and one.
    pub epoch: u64,
}

impl Header {
    /// The one in this memory, by its first copy.
    pub fn of(memory: &[u64]) -> Self {
        let [_, words, generation, salt, first, epoch, ..] = *memory else { panic!("too short") };
        Self { words, generation, salt, first, epoch }
    }

    /// A copy.
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

    /// A record of this log that begins at that word: the words that it takes.
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
