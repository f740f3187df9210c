//! # Any driver from crates.io
//!
//! *(Driver crates, `embedded-hal`, `embedded-hal-async`.)*
//!
//! # The problem
//!
//! The driver for your chip is on crates.io, and it is blocking. The next one is async. Your HAL has one
//! kind of bus for the one and another kind for the other, and the wires are the same. Or it has one kind
//! only, and then you write the driver anew. And neither kind says how long a call may take: if a device
//! holds the bus, the firmware stands still.
//!
//! # The rule
//!
//! Look at what the driver asks for, and give it the adapter that has this trait. The adapters have the
//! blocking trait and the async one at once, so it does not matter which of the two the driver wants. The
//! driver stays as it is.
//!
//! | the driver asks for | give it | made of |
//! |---|---|---|
//! | `embedded_hal::i2c::I2c`, `embedded_hal_async::i2c::I2c` | `adapter::I2c`; on a bus with others `adapter::I2cDevice` | an [`i2c::Controller`](super::bus) |
//! | `embedded_hal::spi::SpiDevice`, `embedded_hal_async::spi::SpiDevice` | `adapter::SpiDevice` | an [`spi::Controller`](super::bus) and the pin of its chip select |
//! | `embedded_hal::spi::SpiBus`, `embedded_hal_async::spi::SpiBus` | `adapter::Spi` | the controller alone |
//! | `embedded_hal::digital::InputPin`, `embedded_hal_async::digital::Wait` | [`digital::Pin`](crate::digital::Pin) | a [`PinInput`](crate::digital::PinInput) |
//! | `embedded_hal::delay::DelayNs`, the async one | `adapter::Delay`, [`time::AlarmDelay`](crate::time::AlarmDelay) | a [`Clock`](crate::time::Clock), an [`Alarm`](crate::time::Alarm) |
//! | `embedded_io::{Read, Write}`, the async ones | [`adapter::Reader`](crate::adapter::Reader), [`adapter::Writer`](crate::adapter::Writer) | [`io::Read`](crate::io::Read), [`io::Write`](crate::io::Write) |
//! | `embedded_storage::nor_flash::NorFlash`, the async one | `adapter::NorFlash` | a `flash::Controller` |
//! | `embedded_can::{nb, blocking}::Can` | `can::Can` | `can::Transmit`, `can::Receive` |
//!
//! Three questions remain. You decide them where you make the adapter; the driver knows none of them:
//!
//! - **How does a blocking call wait?** The last argument says it: `Spin` tries again at once, `Park` sleeps
//!   until the interrupt.
//! - **For how long?** [`For`](crate::adapter::For) around the idler bounds each call. The driver sees an
//!   error of its bus, `TimedOut`, as it would see a missing acknowledge. The controller is reset, so the next
//!   call works, unless a target still holds the data line (that takes clock pulses).
//! - **Who else is on the bus?** Blocking and async drivers may share it. A call holds the bus for one
//!   transaction. What a driver does in two calls is two transactions, and another driver may come between.
//!
//! # What to mind
//!
//! - The driver must be written for `embedded-hal` 1.0 (async: `embedded-hal-async` 1.0). One for 0.2 needs a
//!   newer version, or the crate `embedded-hal-compat`.
//! - A blocking driver in a task keeps the executor from running while it waits. If an async driver of the
//!   same executor may hold the bus, give the blocking one a limit.
//! - An async driver whose call is dropped leaves the bus usable. It may leave *itself* in the middle: whether
//!   its device was half set up is for the driver's own documentation to say.
//!
//! Which crates run on which emulated board, each in the version that is locked: `cargo test -p runner --test
//! buses`.
//!
//! # Two of them, on one bus
//!
//! `lm75` blocks and `tmp1075` awaits; both read a thermometer. In an empty project: `cargo add lm75 pollster`,
//! `cargo add tmp1075 --no-default-features --features async`, and this crate with `embedded-hal-async` and
//! `std`.
//!
//! ```
//! use std::time::Duration;
//! use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
//! use lm75::Lm75;
//! use tmp1075::Tmp1075;
//! use wouldblock::{
//!     adapter::{I2cDevice, For, SharedBus}, block::ThreadPark, event::Event,
//!     i2c::{Address, Bus, Controller, Cursor, Direction}, nb, time::StdClock,
//! };
//!
//! // In place of your HAL's controller: one that is never busy, with thermometers at 0x48 and 0x49. Both
//! // say 23.5 degrees, in the two bytes that this family of chips has for it.
//! struct Thermometers;
//! impl Controller for Thermometers {
//!     type Error = ErrorKind;
//!     fn settle(&mut self) -> nb::Result<(), ErrorKind> { Ok(()) }
//!     fn start(&mut self, _: &mut Cursor) -> Result<(), ErrorKind> { Ok(()) }
//!     fn step(&mut self, cursor: &mut Cursor) -> nb::Result<(), ErrorKind> {
//!         if !matches!(cursor.address(), Address::Seven(0x48 | 0x49)) {
//!             return Err(nb::Error::Other(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address)));
//!         }
//!         loop {
//!             let mut temperature = [0x17, 0x80].into_iter();
//!             while match cursor.direction() {
//!                 Direction::Write => cursor.send().is_some(),
//!                 Direction::Read => cursor.received(temperature.next().unwrap_or(0)),
//!             } {}
//!             if !cursor.next_run() { return Ok(()) }
//!         }
//!     }
//!     fn abort(&mut self) {}
//!     fn reset(&mut self) {}
//! }
//!
//! static NEWS: Event = Event::new(); // The handler of the controller's interrupt signals it.
//!
//! let bus: SharedBus<_, 3> = SharedBus::new(Bus::new(Thermometers, NEWS.waiter().unwrap()));
//! // Asleep while there is nothing to do, and for at most 20 ms.
//! let limit = || For::new(ThreadPark::new(), StdClock::new(), Duration::from_millis(20));
//! let device = || I2cDevice::new(&bus, limit()).unwrap();
//!
//! let mut inside = Lm75::new(device(), 0x48);
//! let mut outside = Tmp1075::with_address(0x49, device());
//! assert_eq!(inside.read_temperature().unwrap(), 23.5);
//! assert_eq!(pollster::block_on(outside.get_temperature_float()).unwrap(), 23.5);
//!
//! // No device there: the driver's own error has the bus's error in it.
//! let mut missing = Lm75::new(device(), 0x4a);
//! assert!(matches!(missing.read_temperature(), Err(lm75::Error::I2C(_))));
//! ```
