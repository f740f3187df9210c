//! A reader and a writer as one stream: many crates want both on one value.

use embedded_io::{Error, ErrorKind, ErrorType};
use embedded_io_async::{Read, Write};

/// The two halves of a line as one value.
pub struct Join<R, W> {
    /// The half that reads.
    pub reader: R,
    /// The half that writes.
    pub writer: W,
}

/// What went wrong in a [`Join`], and in which half.
#[derive(Debug)]
pub enum JoinError<R, W> {
    /// The reader's error.
    Read(R),
    /// The writer's error.
    Write(W),
}

impl<R: core::fmt::Display, W: core::fmt::Display> core::fmt::Display for JoinError<R, W> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl<R: core::error::Error, W: core::error::Error> core::error::Error for JoinError<R, W> {}

impl<R: Error, W: Error> Error for JoinError<R, W> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Read(error) => error.kind(),
            Self::Write(error) => error.kind(),
        }
    }
}

impl<R: ErrorType, W: ErrorType> ErrorType for Join<R, W> {
    type Error = JoinError<R::Error, W::Error>;
}

impl<R: Read, W: ErrorType> Read for Join<R, W> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.reader.read(buffer).await.map_err(JoinError::Read)
    }
}

impl<R: ErrorType, W: Write> Write for Join<R, W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.writer.write(bytes).await.map_err(JoinError::Write)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.writer.flush().await.map_err(JoinError::Write)
    }
}
