//! The image of a disk or a card with a FAT file system in its first partition.

use crate::disk_image::SECTOR;
use fatfs::{FileSystem, FormatVolumeOptions, FsOptions};
use std::io::{self, Cursor, Read, Write};

const PARTITION: usize = 2048 * SECTOR;
const PARTITION_SIZE: usize = 16 << 20;

/// The size of an image, in bytes: a power of two, as a card's.
pub const SIZE: usize = 32 << 20;

/// An image with one file in it.
///
/// # Errors
/// Those of the file system.
pub fn with_file(name: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut partition = vec![0; PARTITION_SIZE];
    fatfs::format_volume(Cursor::new(&mut partition), FormatVolumeOptions::new())?;
    FileSystem::new(Cursor::new(&mut partition), FsOptions::new())?
        .root_dir()
        .create_file(name)?
        .write_all(content)?;
    let mut image = vec![0; PARTITION];
    let entry = &mut image[446..462];
    entry[4] = 0x06; // FAT16
    entry[8..12].copy_from_slice(&((PARTITION / SECTOR) as u32).to_le_bytes());
    entry[12..].copy_from_slice(&((PARTITION_SIZE / SECTOR) as u32).to_le_bytes());
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    image.extend(partition);
    image.resize(SIZE, 0);
    Ok(image)
}

/// What is in a file of an image.
///
/// # Errors
/// If it is not there, and those of the file system.
pub fn read(image: &mut [u8], name: &str) -> io::Result<Vec<u8>> {
    let partition = image.get_mut(PARTITION..PARTITION + PARTITION_SIZE);
    let partition = partition.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut bytes = Vec::new();
    let system = FileSystem::new(Cursor::new(partition), FsOptions::new())?;
    system.root_dir().open_file(name)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The names in the first folder of an image.
///
/// # Errors
/// Those of the file system.
pub fn names(image: &mut [u8]) -> io::Result<Vec<String>> {
    let partition = image.get_mut(PARTITION..PARTITION + PARTITION_SIZE);
    let partition = partition.ok_or(io::ErrorKind::UnexpectedEof)?;
    let system = FileSystem::new(Cursor::new(partition), FsOptions::new())?;
    system.root_dir().iter().map(|entry| Ok(entry?.file_name())).collect()
}
