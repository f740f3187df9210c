//! `embedded-io-async`: the awaited traits. They use neither idler nor limit: the executor idles, and the
//! caller drops what takes too long.

use embedded_io::Error;
use embedded_io_async::{Read, Write};

use super::{Limit, Reader, Writer};
use crate::io;

impl<R: io::Read, L: Limit<Error<R::Error>: Error>> Read for Reader<R, L> {
    #[inline]
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.half.read(buffer).await.map_err(L::failure)
    }
}

impl<W: io::Write, L: Limit<Error<W::Error>: Error>> Write for Writer<W, L> {
    #[inline]
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.half.write(bytes).await.map_err(L::failure)
    }

    #[inline]
    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.half.flush().await.map_err(L::failure)
    }
}
