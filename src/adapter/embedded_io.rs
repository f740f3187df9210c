//! `embedded-io`: the blocking traits and the ready checks.

use embedded_io::{Error, ErrorType, Read, ReadReady, Write, WriteReady};

use super::{Reader, Writer};
use crate::{block::Idle, io};

impl<R: io::Read<Error: Error>, I> ErrorType for Reader<R, I> {
    type Error = R::Error;
}

impl<R: io::Read<Error: Error>, I: Idle> Read for Reader<R, I> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, R::Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.half.read(buffer).block(&mut self.idle)
    }
}

/// Never fails: a pending error makes the stream ready, and the next `read` returns it.
impl<R: io::Read<Error: Error>, I> ReadReady for Reader<R, I> {
    #[inline]
    fn read_ready(&mut self) -> Result<bool, R::Error> {
        Ok(self.half.is_readable())
    }
}

impl<W: io::Write<Error: Error>, I> ErrorType for Writer<W, I> {
    type Error = W::Error;
}

impl<W: io::Write<Error: Error>, I: Idle> Write for Writer<W, I> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<usize, W::Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.half.write(bytes).block(&mut self.idle)
    }

    #[inline]
    fn flush(&mut self) -> Result<(), W::Error> {
        self.half.flush().block(&mut self.idle)
    }
}

/// Never fails: a pending error makes the stream ready, and the next `write` returns it.
impl<W: io::Write<Error: Error>, I> WriteReady for Writer<W, I> {
    #[inline]
    fn write_ready(&mut self) -> Result<bool, W::Error> {
        Ok(self.half.is_writable())
    }
}
