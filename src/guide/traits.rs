//! # From and to `nb`, `embedded-hal`, `embedded-io`, std
//!
//! # The problem
//!
//! There are three families of traits (`embedded-hal`, `embedded-hal-nb`, `embedded-hal-async`; the same
//! for `embedded-io`), and a driver or protocol crate knows one of them. A HAL that serves all of them
//! writes each operation three times.
//!
//! # The rule
//!
//! What is written as one try has every form, so *one value* implements *all* of these traits. And a foreign
//! type becomes an attempt if, and only if, it can make one try that does not wait.
//!
//! ## To others' traits
//!
//! | you have | you get | by |
//! |---|---|---|
//! | [`io::Read`](crate::io::Read) | `embedded_io::{Read, ReadReady}`, `embedded_io_async::Read`, `embedded_hal_nb::serial::Read` | [`Reader`](crate::adapter::Reader) |
//! | [`io::Write`](crate::io::Write) | the same for writing | [`Writer`](crate::adapter::Writer) |
//! | a [`Clock`](crate::time::Clock) | `embedded_hal::delay::DelayNs` | `adapter::Delay` |
//! | an [`AlarmDelay`](crate::time::AlarmDelay) | `embedded_hal_async::delay::DelayNs` | itself |
//! | a [`PinInput`](crate::digital::PinInput) | `embedded_hal::digital::InputPin`, `embedded_hal_async::digital::Wait` | [`digital::Pin`](crate::digital::Pin) |
//! | `can::Transmit` and `can::Receive` | `embedded_can::{nb, blocking}::Can` | `can::Can` |
//! | an [`i2c::Controller`](super::bus) | `embedded_hal::i2c::I2c`, `embedded_hal_async::i2c::I2c` | `adapter::I2c`, or `adapter::I2cDevice` on a shared bus |
//! | an [`spi::Controller`](super::bus) | `embedded_hal::spi::SpiBus`, `embedded_hal_async::spi::SpiBus` | `adapter::Spi` |
//! | the same, a chip select and a clock | `embedded_hal::spi::SpiDevice`, `embedded_hal_async::spi::SpiDevice` | `adapter::SpiDevice` on a shared bus |
//! | a `flash::Controller` | `embedded_storage::nor_flash::{ReadNorFlash, NorFlash}`, the same of `embedded_storage_async` | `adapter::NorFlash` |
//! | an operation or a job | `Future`, for any executor | itself |
//!
//! Each needs the feature that is named after the trait's crate. Each trait's *contract* is kept, not only
//! its signature: a blocking `read` never returns "would block", `write` never returns `Ok(0)` for bytes,
//! `flush` returns when everything has left.
//!
//! ## From others
//!
//! | you have | it becomes | by | what cannot be promised |
//! |---|---|---|---|
//! | an `nb` function | an attempt | [`attempt::from_fn`](crate::attempt::from_fn); [its event](super::hal) is yours | that its `WouldBlock` loses nothing |
//! | `embedded_io` with ready checks | operations | `adapter::Polled` | that the check is honest; a try to flush |
//! | a future | an attempt | [`FromFuture`](crate::adapter::FromFuture) | a bound on one poll; any cancel safety but its own |
//! | a non-blocking socket or file of std | an attempt | `from_fn`, and `ErrorKind::WouldBlock` as `nb::Error::WouldBlock`; asleep in poll(2): `examples/socket.rs` | |
//! | an `InputPin` | an attempt for a *level* | `from_fn`; with its interrupt: [`digital`](crate::digital) | that a level which passes again is seen |
//! | a type with blocking calls only | nothing | | its "try" might never return |
//!
//! # One value, every trait
//!
//! ```
//! use core::convert::Infallible;
//! use wouldblock::{
//!     adapter::{Delay, FromFuture, Reader, Writer},
//!     attempt::{self, Attempt}, block::{self, Spin, ThreadPark},
//!     event::{Event, Operation, wait::Wait}, io, nb, sync::{Channel, Receiver, Sender}, time::StdClock,
//! };
//!
//! // A stream of bytes, written once: here a loop-back, over a channel.
//! static LOOP: Channel<u8, 16> = Channel::new();
//! struct Input(Receiver<'static, u8>);
//! struct Output(Sender<'static, u8>);
//!
//! impl io::Read for Input {
//!     type Error = Infallible;
//!     fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> Operation<impl Wait<Output = usize, Error = Infallible>> {
//!         self.0.recv_slice(buffer)
//!     }
//!     fn is_readable(&mut self) -> bool { !LOOP.is_empty() }
//! }
//!
//! impl io::Write for Output {
//!     type Error = Infallible;
//!     fn write<'a>(&'a mut self, bytes: &'a [u8]) -> Operation<impl Wait<Output = usize, Error = Infallible>> {
//!         self.0.send_slice(bytes)
//!     }
//!     fn flush(&mut self) -> Operation<impl Wait<Output = (), Error = Infallible>> {
//!         attempt::from_fn(|| if LOOP.is_empty() { Ok(()) } else { Err(nb::Error::WouldBlock) }).polled()
//!     }
//!     fn is_writable(&mut self) -> bool { !LOOP.is_full() }
//! }
//!
//! let mut output = Writer::with_idle(Output(LOOP.sender().unwrap()), ThreadPark::new());
//! let mut input = Reader::with_idle(Input(LOOP.receiver().unwrap()), ThreadPark::new());
//! let mut buffer = [0; 3];
//!
//! // embedded-io, blocking: asleep by the idler.
//! embedded_io::Write::write_all(&mut output, b"abc").unwrap();
//! embedded_io::Read::read_exact(&mut input, &mut buffer).unwrap();
//! assert_eq!(&buffer, b"abc");
//!
//! // embedded-io-async, on the same value.
//! pollster::block_on(async {
//!     embedded_io_async::Write::write_all(&mut output, b"def").await.unwrap();
//!     embedded_io_async::Read::read_exact(&mut input, &mut buffer).await.unwrap();
//! });
//! assert_eq!(&buffer, b"def");
//!
//! // embedded-hal-nb.
//! assert_eq!(embedded_hal_nb::serial::Write::write(&mut output, b'g'), Ok(()));
//! assert_eq!(embedded_hal_nb::serial::Read::read(&mut input), Ok(b'g'));
//! assert_eq!(embedded_hal_nb::serial::Read::read(&mut input), Err(nb::Error::WouldBlock));
//!
//! // A clock as embedded-hal's delay.
//! embedded_hal::delay::DelayNs::delay_us(&mut Delay::new(StdClock::new()), 50);
//!
//! // And back: any future, as an attempt with every form.
//! static WOKEN: Event = Event::new();
//! let mut waiter = WOKEN.waiter().unwrap();
//! let future = core::pin::pin!(async { Ok::<_, ()>(42) });
//! assert_eq!(waiter.operation(FromFuture::new(future, &WOKEN)).block(Spin), Ok(42));
//!
//! // A level of a pin.
//! let mut reads = 0;
//! let mut is_high = || -> Result<bool, ()> { reads += 1; Ok(reads > 2) };
//! let high = attempt::from_fn(|| if is_high()? { Ok(()) } else { Err(nb::Error::WouldBlock) });
//! assert_eq!(block::block(high), Ok(()));
//! ```
