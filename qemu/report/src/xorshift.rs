//! Pseudo-random numbers (G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14),
//! 2003): the same ones on guest and host for the same seed.

/// Marsaglia's xorshift of 32 bits, with the shifts 13, 17 and 5.
#[derive(Clone, Debug)]
pub struct Xorshift(u32);

impl Xorshift {
    /// The stream of a seed. The stream of seed 0 is all zeros.
    #[inline]
    pub const fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next word.
    #[inline]
    pub const fn word(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// The next word modulo `limit`.
    #[inline]
    pub const fn below(&mut self, limit: u32) -> u32 {
        self.word() % limit
    }

    /// The stream as bytes, the low one of each word. It never ends.
    #[inline]
    pub fn bytes(mut self) -> impl Iterator<Item = u8> {
        core::iter::repeat_with(move || self.word() as u8)
    }

    /// The next bytes, the low one of each word.
    #[inline]
    pub fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill_with(|| self.word() as u8);
    }
}

#[cfg(feature = "std")]
impl std::io::Read for Xorshift {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.fill(buffer);
        Ok(buffer.len())
    }
}

/// Marsaglia's xorshift of 64 bits, with the shifts 13, 7 and 17.
#[derive(Clone, Debug)]
pub struct Xorshift64(u64);

impl Xorshift64 {
    /// The stream of a seed. The stream of seed 0 is all zeros.
    #[inline]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next word.
    #[inline]
    pub const fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xorshift_is_marsaglias() {
        let mut words = Xorshift::new(1);
        assert_eq!([(); 3].map(|()| words.word()), [0x0004_2021, 0x0408_0601, 0x9dcc_a8c5]);
        let mut bytes = [0; 3];
        Xorshift::new(1).fill(&mut bytes);
        assert_eq!(bytes, [0x21, 0x01, 0xc5]);
        assert!(Xorshift::new(1).bytes().take(3).eq(bytes));
    }

    #[test]
    fn xorshift64_is_marsaglias() {
        let mut words = Xorshift64::new(1);
        assert_eq!(words.word(), 0x4082_2041);
        // The paper's own start value and its first word.
        assert_eq!(Xorshift64::new(88_172_645_463_325_252).word(), 8_748_534_153_485_358_512);
    }

    #[test]
    fn a_stream_taken_in_parts_is_the_same_stream() {
        let (mut whole, mut parts) = ([0; 9], [0; 9]);
        Xorshift::new(7).fill(&mut whole);
        let mut again = Xorshift::new(7);
        again.fill(&mut parts[..4]);
        again.fill(&mut parts[4..]);
        assert_eq!(whole, parts);
    }
}
