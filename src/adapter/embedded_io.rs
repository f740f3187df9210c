//! `embedded-io`: the blocking traits and the ready checks.

use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};

use super::{Limit, Reader, Writer};
use crate::{io, time};

impl<R: io::Read, L: Limit<Error<R::Error>: Error>> ErrorType for Reader<R, L> {
    type Error = L::Error<R::Error>;
}

impl<R: io::Read, L: Limit<Error<R::Error>: Error>> Read for Reader<R, L> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let bound = self.limit.begin();
        self.limit.block(&mut self.half.read(buffer), &bound)
    }
}

/// Never fails: a pending error makes the stream ready, and the next `read` returns it.
impl<R: io::Read, L: Limit<Error<R::Error>: Error>> ReadReady for Reader<R, L> {
    #[inline]
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(self.half.is_readable())
    }
}

impl<W: io::Write, L: Limit<Error<W::Error>: Error>> ErrorType for Writer<W, L> {
    type Error = L::Error<W::Error>;
}

impl<W: io::Write, L: Limit<Error<W::Error>: Error>> Write for Writer<W, L> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let bound = self.limit.begin();
        self.limit.block(&mut self.half.write(bytes), &bound)
    }

    #[inline]
    fn flush(&mut self) -> Result<(), Self::Error> {
        let bound = self.limit.begin();
        self.limit.block(&mut self.half.flush(), &bound)
    }
}

/// Never fails: a pending error makes the stream ready, and the next `write` returns it.
impl<W: io::Write, L: Limit<Error<W::Error>: Error>> WriteReady for Writer<W, L> {
    #[inline]
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(self.half.is_writable())
    }
}

/// Of a call with a [limit](super::For): [`ErrorKind::TimedOut`], or the stream's own kind.
impl<E: Error> Error for time::Error<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TimedOut => ErrorKind::TimedOut,
            Self::Other(error) => error.kind(),
        }
    }
}
