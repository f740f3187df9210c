//! `embedded-io-async`: the awaited traits. They do not use the idler: the executor idles.

use embedded_io::Error;
use embedded_io_async::{Read, Write};

use super::{Reader, Writer};
use crate::io;

impl<R: io::Read<Error: Error>, I> Read for Reader<R, I> {
    #[inline]
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, R::Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.half.read(buffer).await
    }
}

impl<W: io::Write<Error: Error>, I> Write for Writer<W, I> {
    #[inline]
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, W::Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.half.write(bytes).await
    }

    #[inline]
    async fn flush(&mut self) -> Result<(), W::Error> {
        self.half.flush().await
    }
}
