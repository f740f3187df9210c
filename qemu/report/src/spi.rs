//! What the host puts into the chips on the guest's SPI buses.

use crate::Xorshift;

/// Bytes that both sides can make.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// How many.
    pub bytes: usize,
    /// They are those of [`Xorshift`] from this seed.
    pub seed: u32,
}

impl Content {
    /// The bytes.
    pub fn iter(&self) -> impl Iterator<Item = u8> {
        Xorshift::new(self.seed).bytes().take(self.bytes)
    }
}

/// The flash chip, from its first byte on. The rest of it is zeros.
pub const FLASH: Content = Content { bytes: 0x4000, seed: 0x25c0_ffee };

/// A file on the card: the only one, in a FAT file system in the first partition.
pub const CARD_FILE: &str = "HOST.BIN";
/// What is in it.
pub const CARD: Content = Content { bytes: 20_001, seed: 0x5d5d_0001 };
