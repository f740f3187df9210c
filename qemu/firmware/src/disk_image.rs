//! What the host writes to a disk's image, and expects of the guest: a stream of its own for each
//! sector.

use report::Xorshift;

use drivers::disk::SECTOR;

/// Sectors of a chunk.
pub const CHUNK_SECTORS: u64 = 8;
/// Bytes that most requests move.
pub const CHUNK: usize = CHUNK_SECTORS as usize * SECTOR;
/// Chunks of the image.
pub const CHUNKS: u64 = 256;

/// The bytes of a chunk; what the host has written is without salt.
pub fn pattern(chunk: u64, salt: u32) -> impl Iterator<Item = u8> {
    let first = chunk as u32 * CHUNK_SECTORS as u32;
    (first..first + CHUNK_SECTORS as u32)
        .flat_map(move |sector| Xorshift::new((sector + 1) ^ salt).bytes().take(SECTOR))
}

/// Whether `memory` holds what the host has written to a chunk.
pub fn holds(memory: &[u8], chunk: u64) -> bool {
    memory.iter().copied().eq(pattern(chunk, 0))
}
