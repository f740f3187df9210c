//! `embedded-hal-nb`: the serial traits, one try and one byte per call.

use embedded_hal_nb::serial::{Error, ErrorType, Read, Write};

use super::{Reader, Writer};
use crate::io;

impl<R: io::Read<Error: Error>, I> ErrorType for Reader<R, I> {
    type Error = R::Error;
}

impl<R: io::Read<Error: Error>, I> Read for Reader<R, I> {
    #[inline]
    fn read(&mut self) -> nb::Result<u8, R::Error> {
        let mut byte = [0];
        self.half.read(&mut byte).attempt()?;
        Ok(byte[0])
    }
}

impl<W: io::Write<Error: Error>, I> ErrorType for Writer<W, I> {
    type Error = W::Error;
}

impl<W: io::Write<Error: Error>, I> Write for Writer<W, I> {
    #[inline]
    fn write(&mut self, byte: u8) -> nb::Result<(), W::Error> {
        self.half.write(&[byte]).attempt().map(|_one| ())
    }

    #[inline]
    fn flush(&mut self) -> nb::Result<(), W::Error> {
        self.half.flush().attempt()
    }
}
