//! A reader with a small buffer of its own, for crates that want `BufRead`.

use embedded_io::{BufRead, ErrorType, Read, ReadReady, Write, WriteReady};

/// Any reader of `embedded-io` or `embedded-io-async` with a buffer of `N` bytes, hence with
/// `BufRead`. What else the stream can do, it can still do: writing passes through.
///
/// ```
/// use embedded_io::BufRead;
/// use wouldblock::adapter::Buffered;
///
/// let mut stream = Buffered::<_, 4>::new(&b"a line"[..]);
/// assert_eq!(stream.fill_buf().unwrap(), b"a li");
/// stream.consume(2);
/// assert_eq!(stream.fill_buf().unwrap(), b"li");
/// ```
///
/// # Cancel safety
/// That of the stream's `read`: what it has yielded is in the buffer, and stays there.
#[derive(Debug)]
pub struct Buffered<T, const N: usize> {
    stream: T,
    buffer: [u8; N],
    /// Bytes `start..end` are there to be taken.
    start: usize,
    end: usize,
}

impl<T, const N: usize> Buffered<T, N> {
    /// The stream, with an empty buffer. One of no bytes at all does not compile.
    pub const fn new(stream: T) -> Self {
        const { assert!(N > 0, "a buffer holds at least one byte") };
        Self { stream, buffer: [0; N], start: 0, end: 0 }
    }

    /// What is in the buffer.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The stream. What is in the buffer is lost.
    pub fn into_inner(self) -> T {
        self.stream
    }

    const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The stream has filled the first `count` bytes of the empty buffer.
    fn filled(&mut self, count: usize) {
        self.start = 0;
        self.end = count.min(N);
    }

    fn take(&mut self, amount: usize) {
        self.start = self.start.saturating_add(amount).min(self.end);
    }

    fn take_into(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.end - self.start);
        buffer[..count].copy_from_slice(&self.buffer()[..count]);
        self.take(count);
        count
    }

    /// Whether a read of `wanted` bytes gains nothing from the buffer.
    const fn bypasses(&self, wanted: usize) -> bool {
        self.is_empty() && (wanted == 0 || wanted >= N)
    }
}

impl<T: ErrorType, const N: usize> ErrorType for Buffered<T, N> {
    type Error = T::Error;
}

impl<T: Read, const N: usize> Read for Buffered<T, N> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, T::Error> {
        if self.bypasses(buffer.len()) {
            return self.stream.read(buffer);
        }
        self.fill_buf()?;
        Ok(self.take_into(buffer))
    }
}

impl<T: Read, const N: usize> BufRead for Buffered<T, N> {
    fn fill_buf(&mut self) -> Result<&[u8], T::Error> {
        if self.is_empty() {
            let count = self.stream.read(&mut self.buffer)?;
            self.filled(count);
        }
        Ok(self.buffer())
    }

    fn consume(&mut self, amount: usize) {
        self.take(amount);
    }
}

impl<T: ReadReady, const N: usize> ReadReady for Buffered<T, N> {
    fn read_ready(&mut self) -> Result<bool, T::Error> {
        if self.is_empty() { self.stream.read_ready() } else { Ok(true) }
    }
}

impl<T: Write, const N: usize> Write for Buffered<T, N> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, T::Error> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> Result<(), T::Error> {
        self.stream.flush()
    }
}

impl<T: WriteReady, const N: usize> WriteReady for Buffered<T, N> {
    fn write_ready(&mut self) -> Result<bool, T::Error> {
        self.stream.write_ready()
    }
}

#[cfg(feature = "embedded-io-async")]
mod awaited {
    use embedded_io_async::{BufRead, Read, Write};

    use super::Buffered;

    impl<T: Read, const N: usize> Read for Buffered<T, N> {
        async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, T::Error> {
            if self.bypasses(buffer.len()) {
                return self.stream.read(buffer).await;
            }
            self.fill_buf().await?;
            Ok(self.take_into(buffer))
        }
    }

    impl<T: Read, const N: usize> BufRead for Buffered<T, N> {
        async fn fill_buf(&mut self) -> Result<&[u8], T::Error> {
            if self.is_empty() {
                let count = self.stream.read(&mut self.buffer).await?;
                self.filled(count);
            }
            Ok(self.buffer())
        }

        fn consume(&mut self, amount: usize) {
            self.take(amount);
        }
    }

    impl<T: Write, const N: usize> Write for Buffered<T, N> {
        async fn write(&mut self, bytes: &[u8]) -> Result<usize, T::Error> {
            self.stream.write(bytes).await
        }

        async fn flush(&mut self) -> Result<(), T::Error> {
            self.stream.flush().await
        }
    }
}
