//! Output files: written whole or not at all.

use crate::error::{Error, Result};
use serde::Serialize;
use std::{
    fs::{File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// An output file while it is written. It has a temporary name in the folder of its place until
/// [`keep`](Self::keep) puts it there. Dropped before, it is deleted.
#[derive(Debug)]
pub struct OutputFile {
    file: NamedTempFile,
    place: PathBuf,
}

impl OutputFile {
    /// Begins a file for `place`.
    pub fn begin(place: &Path) -> Result<Self> {
        let cannot = |why: &dyn std::fmt::Display| {
            Error::caller(
                format_args!("cannot write {}", place.display()),
                why,
                "name a file in a folder that can be written",
            )
        };
        if place.is_dir() {
            return Err(cannot(&"it is a folder"));
        }
        let folder = match place.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".unfinished-")
            .permissions(Permissions::from_mode(0o666)) // less the umask
            .tempfile_in(folder)
            .map_err(|error| cannot(&error))?;
        Ok(Self { file, place: place.to_owned() })
    }

    /// Another handle to write through.
    pub fn writer(&self) -> Result<File> {
        self.file.as_file().try_clone().map_err(|error| self.failed(error))
    }

    /// Another handle, to read from the beginning what was written so far.
    pub fn reopen(&self) -> Result<File> {
        self.file.reopen().map_err(|error| self.failed(error))
    }

    /// Puts the complete file in its place.
    pub fn keep(self) -> Result<()> {
        let Self { file, place } = self;
        match file.persist(&place) {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(&place, error.error)),
        }
    }

    /// Writes `value` as JSON, and keeps the file.
    pub fn keep_json(self, value: &impl Serialize) -> Result<()> {
        let written = serde_json::to_writer_pretty(self.writer()?, value);
        written.map_err(|error| self.failed(error.into()))?;
        self.keep()
    }

    /// Writes `text`, and keeps the file.
    pub fn keep_text(self, text: &str) -> Result<()> {
        self.writer()?.write_all(text.as_bytes()).map_err(|error| self.failed(error))?;
        self.keep()
    }

    /// The error for a file that cannot be written.
    pub fn failed(&self, error: io::Error) -> Error {
        failed(&self.place, error)
    }
}

fn failed(place: &Path, error: io::Error) -> Error {
    Error::run(
        format_args!("cannot write {}", place.display()),
        error,
        "check the disk and the folder's permissions",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn nothing_is_there_until_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("result");
        let output = OutputFile::begin(&place).unwrap();
        output.writer().unwrap().write_all(b"half").unwrap();
        assert!(!place.exists());
        drop(output);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);

        let output = OutputFile::begin(&place).unwrap();
        output.writer().unwrap().write_all(b"whole").unwrap();
        output.keep().unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"whole");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(OutputFile::begin(folder.path()).is_err());
        assert!(OutputFile::begin(&folder.path().join("no such folder/result")).is_err());
    }
}
