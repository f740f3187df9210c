//! A read that ends when the line falls idle.
//!
//! The chip reports an idle line by its character time-out interrupt. It comes when the receiver's
//! FIFO is not empty and for four characters' time no byte was added or taken. **An empty FIFO
//! never times out.** So when the level is reached, this takes one byte less than the level: the
//! byte that stays in the FIFO makes the time-out come.
//!
//! Source: PC16550D data sheet, "FIFO interrupt mode operation".

use super::{LineError, ReadExact, Receiver, Registers, chip::Fifo, half::Half};
use crate::{
    attempt::{Attempt, Progress, forward_arming},
    job::Background,
};

/// See [`Receiver::read_to_idle`] and [`Receiver::into_read_to_idle`]. If it is cancelled, it ends
/// with the bytes taken so far; the others stay in the FIFO.
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct ReadToIdle<H, B>(ReadExact<H, B>);

impl<H: Half, B: AsMut<[u8]>> ReadToIdle<H, B> {
    pub(super) fn new(half: H, buffer: B) -> Self {
        let read = ReadExact::new(half, buffer);
        // The kept state may be of an earlier message.
        read.forget_fifo();
        Self(read)
    }
}

impl<H, B: AsMut<[u8]>> ReadToIdle<H, B> {
    /// The half and the buffer. [`progress`](crate::attempt::Progress::progress) bytes of it are
    /// filled.
    pub fn into_parts(self) -> (H, B) {
        self.0.into_parts()
    }
}

impl<H, B> Progress for ReadToIdle<H, B> {
    fn progress(&self) -> usize {
        self.0.progress()
    }
}

impl<H: Half, B: AsMut<[u8]>> Attempt for ReadToIdle<H, B> {
    type Output = usize;
    type Error = LineError;

    #[inline]
    fn attempt(&mut self) -> nb::Result<usize, LineError> {
        let read = &mut self.0;
        if read.is_full() {
            return Ok(read.progress());
        }
        match read.fifo() {
            Fifo::Unknown => Err(nb::Error::WouldBlock),
            Fifo::Spares(count) => match read.take(count.into())? {
                true => Ok(read.progress()),
                false => Err(nb::Error::WouldBlock),
            },
            Fifo::Idle => {
                read.forget_fifo(); // The time-out is used up, even if a line error ends this read.
                match read.attempt() {
                    Err(nb::Error::WouldBlock) if read.progress() > 0 => Ok(read.progress()),
                    end => end,
                }
            }
        }
    }

    forward_arming!(|this| this.0);
}

impl<R, B> Background for ReadToIdle<Receiver<'_, R>, B>
where
    R: Registers + Send,
    B: AsMut<[u8]> + Send,
{
    fn begin(&mut self) {
        self.0.begin();
    }

    fn cancel(&mut self) {
        self.0.cancel();
    }
}
