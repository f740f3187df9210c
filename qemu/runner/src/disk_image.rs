//! The image of the guest's disk: 256 chunks of 4 KiB. Each sector has other pseudo-random bytes, so
//! that the guest can check what it reads from where.

use crate::{
    error::{Error, Result},
    report::Xorshift,
};
use std::{io, path::Path};

/// Bytes of a sector.
pub const SECTOR: usize = 512;
/// Bytes of a chunk.
pub const CHUNK: usize = 8 * SECTOR;
/// Chunks of the image.
pub const CHUNKS: usize = 256;

/// The bytes of a chunk. The seed of each sector is its number plus one, XOR `salt`.
pub fn pattern(chunk: usize, salt: u32) -> Vec<u8> {
    let mut chunk_bytes = vec![0; CHUNK];
    for (n, sector) in chunk_bytes.chunks_mut(SECTOR).enumerate() {
        let number = chunk * CHUNK / SECTOR + n;
        Xorshift::new((number as u32 + 1) ^ salt).fill(sector);
    }
    chunk_bytes
}

/// The image, as the host writes it.
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

/// The image in a temporary file.
pub fn temporary() -> Result<tempfile::NamedTempFile> {
    let image = tempfile::NamedTempFile::new().and_then(|file| {
        write(file.path())?;
        Ok(file)
    });
    image.map_err(|error| {
        Error::run("cannot make the disk's image", error, "check the temporary folder")
    })
}
