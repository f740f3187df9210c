//! Two halves as one stream, since many crates want reading and writing on one value.

use core::fmt;

use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

/// A reader and a writer of `embedded-io` or `embedded-io-async` as one value with the traits of
/// both: a [`Reader`](super::Reader) and a [`Writer`](super::Writer), or any other two.
///
/// ```
/// use embedded_io::{Read, Write};
/// use wouldblock::adapter::Join;
///
/// let (from, mut to) = (&b"hello"[..], [0; 8]);
/// let mut stream = Join::new(from, &mut to[..]);
/// let mut buffer = [0; 5];
/// stream.read_exact(&mut buffer).unwrap();
/// stream.write_all(&buffer).unwrap();
/// assert_eq!(&to[..5], b"hello");
/// ```
///
/// # Cancel safety
/// That of the half.
#[derive(Debug)]
pub struct Join<R, W> {
    reader: R,
    writer: W,
}

impl<R, W> Join<R, W> {
    /// The two as one.
    pub const fn new(reader: R, writer: W) -> Self {
        Self { reader, writer }
    }

    /// The two as two again, borrowed.
    pub const fn split(&mut self) -> (&mut R, &mut W) {
        (&mut self.reader, &mut self.writer)
    }

    /// The two as two again.
    pub fn into_parts(self) -> (R, W) {
        (self.reader, self.writer)
    }
}

/// What went wrong in a [`Join`], and in which half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum JoinError<R, W> {
    /// The reader's error.
    Read(R),
    /// The writer's error.
    Write(W),
}

impl<R: fmt::Display, W: fmt::Display> fmt::Display for JoinError<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.reader.read(buffer).map_err(JoinError::Read)
    }
}

impl<R: ReadReady, W: ErrorType> ReadReady for Join<R, W> {
    #[inline]
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        self.reader.read_ready().map_err(JoinError::Read)
    }
}

impl<R: ErrorType, W: Write> Write for Join<R, W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.writer.write(bytes).map_err(JoinError::Write)
    }

    #[inline]
    fn flush(&mut self) -> Result<(), Self::Error> {
        self.writer.flush().map_err(JoinError::Write)
    }
}

impl<R: ErrorType, W: WriteReady> WriteReady for Join<R, W> {
    #[inline]
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        self.writer.write_ready().map_err(JoinError::Write)
    }
}

#[cfg(feature = "embedded-io-async")]
mod awaited {
    use embedded_io_async::{ErrorType, Read, Write};

    use super::{Join, JoinError};

    impl<R: Read, W: ErrorType> Read for Join<R, W> {
        #[inline]
        async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
            self.reader.read(buffer).await.map_err(JoinError::Read)
        }
    }

    impl<R: ErrorType, W: Write> Write for Join<R, W> {
        #[inline]
        async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
            self.writer.write(bytes).await.map_err(JoinError::Write)
        }

        #[inline]
        async fn flush(&mut self) -> Result<(), Self::Error> {
            self.writer.flush().await.map_err(JoinError::Write)
        }
    }
}

#[cfg(feature = "embedded-hal-nb")]
mod nonblocking {
    use embedded_hal_nb::serial::{Error, ErrorKind, ErrorType, Read, Write};

    use super::{Join, JoinError};

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

    impl<T: Copy, R: Read<T>, W: ErrorType> Read<T> for Join<R, W> {
        #[inline]
        fn read(&mut self) -> nb::Result<T, Self::Error> {
            self.reader.read().map_err(|error| error.map(JoinError::Read))
        }
    }

    impl<T: Copy, R: ErrorType, W: Write<T>> Write<T> for Join<R, W> {
        #[inline]
        fn write(&mut self, word: T) -> nb::Result<(), Self::Error> {
            self.writer.write(word).map_err(|error| error.map(JoinError::Write))
        }

        #[inline]
        fn flush(&mut self) -> nb::Result<(), Self::Error> {
            self.writer.flush().map_err(|error| error.map(JoinError::Write))
        }
    }
}
