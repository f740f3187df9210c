//! The images of the chips on the guest's SPI buses: a flash chip and an SD card.

use crate::{
    error::{Error, Result},
    fat_image,
    report::{File, Xorshift, spi},
};
use std::{
    fmt,
    fs::{self, File as HostFile},
    io::{self, Write},
    path::PathBuf,
};
use tempfile::TempDir;

/// The size of the flash chip, in bytes.
const FLASH_SIZE: u64 = 32 << 20;

/// The images, in a folder that is removed at the end.
#[derive(Debug)]
pub struct Images(TempDir);

impl Images {
    /// The images, as the host writes them.
    ///
    /// # Errors
    /// Those of the files.
    pub fn make() -> Result<Self> {
        let make = || -> io::Result<Self> {
            let images = Self(tempfile::Builder::new().prefix("spi-").tempdir()?);
            let mut flash = HostFile::create(images.flash())?;
            flash.write_all(&spi::FLASH.iter().collect::<Vec<u8>>())?;
            flash.set_len(FLASH_SIZE)?;
            let content: Vec<u8> = spi::CARD.iter().collect();
            fs::write(images.card(), fat_image::with_file(spi::CARD_FILE, &content)?)?;
            Ok(images)
        };
        make().map_err(|error| {
            Error::run("cannot make the images of the chips", error, "check the temporary folder")
        })
    }

    /// The flash chip.
    pub fn flash(&self) -> PathBuf {
        self.0.path().join("flash.img")
    }

    /// The card.
    pub fn card(&self) -> PathBuf {
        self.0.path().join("card.img")
    }

    /// Checks that a file on the card holds exactly what the guest says.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(&self, File { file, bytes, seed }: &File) -> Result<()> {
        let wrong = |why: &dyn fmt::Display| {
            let advice =
                "the driver loses or changes what it writes; run the test again with --verbose";
            Err(Error::run(
                format_args!("{file} on the card is not what the guest wrote"),
                why,
                advice,
            ))
        };
        let read = fs::read(self.card()).and_then(|mut image| fat_image::read(&mut image, file));
        match read {
            Err(error) => wrong(&error),
            Ok(read) if read.len() as u64 != *bytes => {
                wrong(&format_args!("it has {} bytes, and the guest wrote {bytes}", read.len()))
            }
            Ok(read) => match Xorshift::new(*seed).bytes().zip(&read).position(|(a, b)| a != *b) {
                Some(place) => wrong(&format_args!("byte {place} differs")),
                None => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_differs_in_length_or_content_is_found() {
        let images = Images::make().unwrap();
        let file = |file: &str, bytes, seed| File { file: file.into(), bytes, seed };
        let (bytes, seed) = (spi::CARD.bytes as u64, spi::CARD.seed);
        assert!(images.check(&file(spi::CARD_FILE, bytes, seed)).is_ok());
        let why = |wrong| images.check(&wrong).unwrap_err().to_string();
        assert!(why(file(spi::CARD_FILE, bytes + 1, seed)).contains("it has 20001 bytes"));
        assert!(why(file(spi::CARD_FILE, bytes, seed + 1)).contains("byte 0 differs"));
        assert!(why(file("GUEST.BIN", bytes, seed)).contains("GUEST.BIN on the card"));
        assert_eq!(fs::metadata(images.flash()).unwrap().len(), FLASH_SIZE);
        assert_eq!(fs::metadata(images.card()).unwrap().len(), fat_image::SIZE as u64);
    }
}
