//! Streams that break the contracts, with one flaw each, which show that every check can fail.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_hal_nb::serial;
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use wouldblock::nb;

use super::line::Fault;

/// The flaw of a [`Broken`] stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A read of an empty stream returns `Ok(0)`, as if the stream had ended.
    ReadsNothing,
    /// A blocking read returns `WouldBlock` as an error.
    ErrorInsteadOfWaiting,
    /// A read waits until the buffer is full.
    FillsTheBuffer,
    /// A read into an empty buffer waits for a byte.
    EmptyReadWaits,
    /// It always claims to be ready.
    AlwaysReady,
    /// It never claims to be ready.
    NeverReady,
    /// A write that finds no room returns `Ok(0)`.
    WritesNothing,
    /// A write that finds no room loses the byte.
    DropsWhenFull,
    /// A write of no bytes waits for room.
    EmptyWriteWaits,
    /// A flush returns at once.
    DoesNotFlush,
    /// A future takes or gives bytes before its last poll.
    NotCancelSafe,
    /// A future is suspended and is never woken.
    NeverWakes,
    /// A non-blocking call waits.
    Blocks,
}

/// A stream with a flaw.
pub struct Broken<S> {
    /// The stream, which has no flaw.
    pub stream: S,
    /// The flaw.
    pub flaw: Flaw,
}

impl<S: ErrorType<Error = Fault>> ErrorType for Broken<S> {
    type Error = Fault;
}

impl<S: ErrorType<Error = Fault> + Read + ReadReady> Read for Broken<S> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        match self.flaw {
            Flaw::ReadsNothing if !self.stream.read_ready()? => Ok(0),
            Flaw::ErrorInsteadOfWaiting if !self.stream.read_ready()? => Err(Fault),
            Flaw::FillsTheBuffer => {
                self.stream.read_exact(buffer).map_err(|_| Fault)?;
                Ok(buffer.len())
            }
            Flaw::EmptyReadWaits if buffer.is_empty() => self.stream.read(&mut [0]).map(|_| 0),
            _ => self.stream.read(buffer),
        }
    }
}

impl<S: ErrorType<Error = Fault> + ReadReady> ReadReady for Broken<S> {
    fn read_ready(&mut self) -> Result<bool, Fault> {
        match self.flaw {
            Flaw::AlwaysReady => Ok(true),
            Flaw::NeverReady => Ok(false),
            _ => self.stream.read_ready(),
        }
    }
}

impl<S: ErrorType<Error = Fault> + Write + WriteReady> Write for Broken<S> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match self.flaw {
            Flaw::WritesNothing if !self.stream.write_ready()? => Ok(0),
            Flaw::DropsWhenFull if !self.stream.write_ready()? => Ok(bytes.len()),
            Flaw::EmptyWriteWaits if bytes.is_empty() => self.stream.write(&[0]).map(|_| 0),
            _ => self.stream.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if self.flaw == Flaw::DoesNotFlush { Ok(()) } else { self.stream.flush() }
    }
}

impl<S: ErrorType<Error = Fault> + WriteReady> WriteReady for Broken<S> {
    fn write_ready(&mut self) -> Result<bool, Fault> {
        match self.flaw {
            Flaw::AlwaysReady => Ok(true),
            Flaw::NeverReady => Ok(false),
            _ => self.stream.write_ready(),
        }
    }
}

/// `future` with a flaw.
async fn flawed<T>(flaw: Flaw, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let end = poll_fn(|context| match flaw {
        Flaw::NeverWakes => future.as_mut().poll(&mut Context::from_waker(Waker::noop())),
        _ => future.as_mut().poll(context),
    });
    let end = end.await;
    if flaw == Flaw::NotCancelSafe {
        let mut yielded = false;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
    end
}

impl<S> embedded_io_async::Read for Broken<S>
where
    S: ErrorType<Error = Fault> + embedded_io_async::Read + ReadReady,
{
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        match self.flaw {
            Flaw::ReadsNothing if !self.stream.read_ready()? => Ok(0),
            Flaw::FillsTheBuffer => {
                self.stream.read_exact(buffer).await.map_err(|_| Fault)?;
                Ok(buffer.len())
            }
            Flaw::EmptyReadWaits if buffer.is_empty() => {
                self.stream.read(&mut [0]).await.map(|_| 0)
            }
            flaw => flawed(flaw, self.stream.read(buffer)).await,
        }
    }
}

impl<S> embedded_io_async::Write for Broken<S>
where
    S: ErrorType<Error = Fault> + embedded_io_async::Write + WriteReady,
{
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match self.flaw {
            Flaw::WritesNothing if !self.stream.write_ready()? => Ok(0),
            Flaw::EmptyWriteWaits if bytes.is_empty() => self.stream.write(&[0]).await.map(|_| 0),
            flaw => flawed(flaw, self.stream.write(bytes)).await,
        }
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        match self.flaw {
            Flaw::DoesNotFlush => Ok(()),
            flaw => flawed(flaw, self.stream.flush()).await,
        }
    }
}

impl<S: serial::ErrorType<Error = Fault>> serial::ErrorType for Broken<S> {
    type Error = Fault;
}

impl<S: serial::ErrorType<Error = Fault> + serial::Read> serial::Read for Broken<S> {
    fn read(&mut self) -> nb::Result<u8, Fault> {
        match self.flaw {
            Flaw::Blocks => Ok(nb::block!(self.stream.read())?),
            Flaw::ReadsNothing => self.stream.read().or(Ok(0)),
            _ => self.stream.read(),
        }
    }
}

impl<S: serial::ErrorType<Error = Fault> + serial::Write> serial::Write for Broken<S> {
    fn write(&mut self, byte: u8) -> nb::Result<(), Fault> {
        match self.flaw {
            Flaw::Blocks => Ok(nb::block!(self.stream.write(byte))?),
            Flaw::DropsWhenFull => self.stream.write(byte).or(Ok(())),
            _ => self.stream.write(byte),
        }
    }

    fn flush(&mut self) -> nb::Result<(), Fault> {
        if self.flaw == Flaw::DoesNotFlush { Ok(()) } else { self.stream.flush() }
    }
}
