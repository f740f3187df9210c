//! The image of the guest's disk: 256 chunks of 4 KiB, each sector a stream of its own, so that the
//! guest knows what it has to find where.

use crate::report::Xorshift;
use std::{io, path::Path};

/// Bytes of a sector.
pub const SECTOR: usize = 512;
/// Bytes of a chunk.
pub const CHUNK: usize = 8 * SECTOR;
/// Chunks of the image.
pub const CHUNKS: usize = 256;

/// A chunk: for each of its sectors the stream that begins with the sector's number.
pub fn pattern(chunk: usize, salt: u32) -> Vec<u8> {
    let mut chunk_bytes = vec![0; CHUNK];
    for (n, sector) in chunk_bytes.chunks_mut(SECTOR).enumerate() {
        let number = chunk * CHUNK / SECTOR + n;
        Xorshift::new((number as u32 + 1) ^ salt).fill(sector);
    }
    chunk_bytes
}

/// The image as the host makes it.
pub fn content() -> Vec<u8> {
    (0..CHUNKS).flat_map(|chunk| pattern(chunk, 0)).collect()
}

/// Writes the image to a file.
///
/// # Errors
/// Those of the file.
pub fn write(path: &Path) -> io::Result<()> {
    std::fs::write(path, content())
}
