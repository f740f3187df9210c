//! CRC-64/XZ (ECMA-182, reflected). It detects every burst error of up to 64 bits, and so every
//! single missing word.

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut value, mut bit) = (byte as u64, 0);
        while bit < 8 {
            value = value >> 1 ^ if value & 1 == 1 { 0xc96c_5795_d787_0f42 } else { 0 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

/// The checksum of the bytes of these words, in little-endian order.
pub(super) fn of(words: impl Iterator<Item = u64>) -> u64 {
    let bytes = words.flat_map(u64::to_le_bytes);
    !bytes.fold(!0, |sum, byte| sum >> 8 ^ TABLE[usize::from(sum as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    /// <https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-xz> gives the value
    /// for "123456789", which is not a whole number of words. So this test computes the value from
    /// the definition, bit by bit.
    #[test]
    fn the_checksum_equals_the_division_in_its_definition() {
        let words = [0x0123_4567_89ab_cdef, u64::from_le_bytes(*b"12345678")];
        let mut sum = !0_u64;
        for bit in words.into_iter().flat_map(|word| (0..64).map(move |n| word >> n & 1)) {
            let out = (sum & 1) ^ bit;
            sum = (sum >> 1) ^ (out * 0xc96c_5795_d787_0f42);
        }
        assert_eq!(super::of(words.into_iter()), !sum);
    }
}
