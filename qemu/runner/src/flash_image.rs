//! The image of the flash chip: erased, apart from a part in which the host has written, so that the guest
//! can check what it reads.

use crate::{
    error::{Error, Result},
    report::Xorshift,
};
use std::{io::Write, ops::Range};

/// Bytes of the chip.
const CAPACITY: usize = 4 << 20;
/// Where the host has written: the stream of [`SEED`].
const WRITTEN: Range<usize> = 0x30_0000..0x30_8000;
const SEED: u32 = 0xf1a5;

/// The image in a temporary file. QEMU does not change it.
pub fn temporary() -> Result<tempfile::NamedTempFile> {
    let mut content = vec![0xff; CAPACITY];
    Xorshift::new(SEED).fill(&mut content[WRITTEN]);
    let image = tempfile::NamedTempFile::new().and_then(|mut file| {
        file.write_all(&content)?;
        Ok(file)
    });
    image.map_err(|error| {
        Error::run("cannot make the flash chip's image", error, "check the temporary folder")
    })
}
