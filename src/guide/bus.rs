//! # A bus, once
//!
//! *(I2C, SPI, shared bus, DMA, `embedded-hal`.)*
//!
//! # The problem
//!
//! An I2C transaction is a sequence: START, the address, bytes, a repeated START, bytes the other way, STOP. A
//! HAL writes it for the blocking trait and again for the async one, and has to answer each time:
//! what does a refused address leave, how does a wait end on a bus that is stuck, what becomes of a call
//! that is dropped in the middle. A drop that does nothing leaves a target that drives the bus; a drop that
//! waits for STOP is a wait that no bound ends. And a driver crate that blocks and one that awaits cannot
//! share the bus.
//!
//! # The rule
//!
//! Write what the registers do, as an `i2c::Controller` (feature `embedded-hal`): five short functions that never
//! wait, and two for the interrupt. The sequence, its end, its drop and every form are the library's.
//!
//! | function | says |
//! |---|---|
//! | `settle` | is the bus free for a START? If an earlier transaction was given up, finish it |
//! | `start` | START and the address, for the run that the cursor is in |
//! | `step` | one step: the next byte, the next run, STOP |
//! | `abort` | the transaction is given up: STOP, as far as that goes now |
//! | `reset` | the bus is stuck: as after power-on |
//! | `arm`, `disarm` | the interrupt |
//!
//! | you have | you get |
//! |---|---|
//! | `i2c::Bus` | an operation: `transaction(address, operations)`, tried, blocked on, bounded, awaited |
//! | `adapter::I2c` | both traits, `embedded_hal::i2c::I2c` and `embedded_hal_async::i2c::I2c`, for one driver |
//! | `adapter::I2cDevice` on a `SharedBus` | the same for several drivers, blocking and async at once |
//!
//! # How long a blocking call waits
//!
//! The traits have no parameter for it, so it is chosen where the adapter is made, as a
//! [`Limit`](crate::adapter::Limit): an idler waits for ever, [`For`](crate::adapter::For) for a time. A
//! call that runs out of time fails, and resets the controller. An awaited call is bounded by the code
//! that awaits it: to drop it is always right.
//!
//! # What to mind
//!
//! - A call that is dropped does not wait. The next transaction finishes what it left, in its own form and
//!   within its own limit. So on a bus that is stuck, it is the next caller that waits.
//! - What was sent is sent: a cut write has written some bytes, a cut read has moved the target's pointer.
//! - A blocking call inside a task keeps its executor from running. If another task of that executor holds the
//!   bus, only a limit ends the wait.
//! - A shared bus has no queue: of those that wait, the first to try gets it.
//! - `reset` puts the controller right, not a target. One that holds the data line down needs clock pulses.
//!
//! # Both kinds of drivers, on one bus
//!
//! The controller below moves a byte with each command, and interrupts after it. A thread stands for it.
//!
//! ```
//! use std::{sync::Mutex, thread, time::Duration};
//! use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
//! use wouldblock::{
//!     adapter::{I2cDevice, For, SharedBus}, block::ThreadPark, event::Event,
//!     i2c::{Address, Bus, Controller, Cursor, Direction, Error}, nb, time::StdClock,
//! };
//!
//! // The hardware: registers, and a target at 0x48 that says 23, 24, 25 to a read.
//! #[derive(Clone, Copy)]
//! enum Command { Start(u8), Send, Receive, Stop }
//! struct Registers { command: Option<Command>, ended: bool, refused: bool, byte: u8, works: bool }
//! static CHIP: Mutex<Registers> =
//!     Mutex::new(Registers { command: None, ended: false, refused: false, byte: 22, works: true });
//! static ENDED: Event = Event::new();
//!
//! fn on_interrupt() {
//!     // quiet the line, acknowledge, then:
//!     ENDED.signal();
//! }
//!
//! thread::spawn(|| loop {
//!     let mut chip = CHIP.lock().unwrap();
//!     if let (true, Some(command)) = (chip.works, chip.command.take()) {
//!         match command {
//!             Command::Start(address) => (chip.refused, chip.byte) = (address >> 1 != 0x48, 22),
//!             Command::Receive => chip.byte += 1,
//!             Command::Send | Command::Stop => {}
//!         }
//!         chip.ended = true;
//!         drop(chip);
//!         on_interrupt();
//!     } else {
//!         drop(chip);
//!         thread::sleep(Duration::from_micros(20));
//!     }
//! });
//!
//! // All that the HAL's author writes.
//! struct Chip { busy: bool, open: bool, reads: bool }
//! impl Chip {
//!     fn give(&mut self, command: Command) {
//!         self.busy = true;
//!         CHIP.lock().unwrap().command = Some(command);
//!     }
//!     fn stop(&mut self) { self.open = false; self.give(Command::Stop) }
//!     fn end(&mut self) -> nb::Result<(), ErrorKind> {
//!         if self.busy && !std::mem::take(&mut CHIP.lock().unwrap().ended) {
//!             return Err(nb::Error::WouldBlock);
//!         }
//!         self.busy = false;
//!         Ok(())
//!     }
//! }
//! impl Controller for Chip {
//!     type Error = ErrorKind;
//!     fn settle(&mut self) -> nb::Result<(), ErrorKind> {
//!         self.end()?;
//!         if self.open { self.stop() }
//!         self.end()
//!     }
//!     fn start(&mut self, cursor: &mut Cursor) -> Result<(), ErrorKind> {
//!         let Address::Seven(address) = cursor.address() else { return Err(ErrorKind::Other) };
//!         (self.open, self.reads) = (true, false);
//!         self.give(Command::Start(address << 1 | u8::from(cursor.direction() == Direction::Read)));
//!         Ok(())
//!     }
//!     fn step(&mut self, cursor: &mut Cursor) -> nb::Result<(), ErrorKind> {
//!         self.end()?;
//!         if !self.open { return Ok(()) }
//!         if std::mem::take(&mut CHIP.lock().unwrap().refused) {
//!             self.stop();
//!             return Err(nb::Error::Other(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address)));
//!         }
//!         if std::mem::take(&mut self.reads) { cursor.received(CHIP.lock().unwrap().byte); }
//!         if cursor.send().is_some() {
//!             self.give(Command::Send)
//!         } else if cursor.left() > 0 {
//!             self.reads = true;
//!             self.give(Command::Receive)
//!         } else if cursor.next_run() {
//!             self.start(cursor)?
//!         } else {
//!             self.stop()
//!         }
//!         Err(nb::Error::WouldBlock)
//!     }
//!     fn abort(&mut self) { _ = self.settle() }
//!     fn reset(&mut self) {
//!         let mut chip = CHIP.lock().unwrap();
//!         (chip.command, chip.ended, chip.refused, chip.works) = (None, false, false, true);
//!         (self.busy, self.open) = (false, false);
//!     }
//! }
//!
//! // Drivers of other authors: one blocks, one awaits.
//! fn blocking(mut i2c: impl embedded_hal::i2c::I2c) -> [u8; 3] {
//!     let mut read = [0; 3];
//!     i2c.write_read(0x48, &[0], &mut read).unwrap();
//!     read
//! }
//! async fn awaiting(mut i2c: impl embedded_hal_async::i2c::I2c) -> [u8; 3] {
//!     let mut read = [0; 3];
//!     i2c.write_read(0x48, &[0], &mut read).await.unwrap();
//!     read
//! }
//!
//! let chip = Chip { busy: false, open: false, reads: false };
//! let bus: SharedBus<_, 2> = SharedBus::new(Bus::new(chip, ENDED.waiter().unwrap()));
//! let within = |time| For::new(ThreadPark::new(), StdClock::new(), time);
//! let device = || I2cDevice::new(&bus, within(Duration::from_secs(30))).unwrap();
//!
//! // Both at the same time, in two threads.
//! thread::scope(|scope| {
//!     scope.spawn(|| (0..20).for_each(|_| assert_eq!(blocking(device()), [23, 24, 25])));
//!     (0..20).for_each(|_| assert_eq!(pollster::block_on(awaiting(device())), [23, 24, 25]));
//! });
//!
//! // No target there.
//! let refused = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
//! let mut i2c = device();
//! assert_eq!(embedded_hal::i2c::I2c::write(&mut i2c, 0x50_u8, &[]), Err(Error::Bus(refused)));
//!
//! // A bus that is stuck: the call ends in time, and the next one works.
//! CHIP.lock().unwrap().works = false;
//! let mut hurried = I2cDevice::new(&bus, within(Duration::from_millis(5))).unwrap();
//! assert_eq!(embedded_hal::i2c::I2c::write(&mut hurried, 0x48_u8, &[0]), Err(Error::TimedOut));
//! assert_eq!(blocking(i2c), [23, 24, 25]);
//! ```
//!
//! # SPI
//!
//! Here the sequence is short, and the exits go wrong: on each (end, error, time-out, drop) the chip select
//! must rise, but not while the clock still runs. So the HAL's author writes, as an `spi::Controller`:
//!
//! | function | says |
//! |---|---|
//! | `flush` | has the last bit left? Throw away what has come in and was not taken |
//! | `abort` | no further word begins |
//! | `reset` | the controller is stuck: as after power-on |
//! | `arm`, `disarm` | the interrupt |
//! | `step`, for each type of word (`Words<u8>`, `Words<u16>`) | receive what has come, send what has room |
//!
//! | you have | you get |
//! |---|---|
//! | `spi::Bus` | an operation: `transaction(select, clock, operations)`, tried, blocked on, bounded, awaited |
//! | `adapter::Spi` | both traits `SpiBus`, for one driver, without a chip select |
//! | `adapter::SpiDevice` on a `SharedBus` | both traits `SpiDevice`, each with its chip select, blocking and async at once |
//!
//! What is different from I2C: a call that is dropped *waits*, until the words that were begun have left and
//! the chip select has risen. Otherwise the next call could select another device beside this one. The
//! controller makes the clock, so that takes as long as its FIFO, whatever a device does. And a transaction
//! may have delays. They need a clock, and no alarm: they are retried.
//!
//! ## DMA
//!
//! The words of a transaction are borrowed, so a DMA engine must not have them: a future that is forgotten
//! would leave it writing into memory that has another owner. By DMA, the transfer is
//! [a job that owns what it uses](super::cancelling), in a slot: the buffer, the chip select, and the guard
//! of the bus. So the bus is taken for as long as the engine works. At the end the job gives all of it back; if the
//! job was dropped, [`reclaim`](crate::job::Slot::reclaim) or the next `start` does.
//!
//! The engine's interrupt comes when the last word has come back, and no other one follows. A part of a bit may
//! still be on the wire then, so the try of the job repeats `flush`, a bounded number of times.
//!
//! ```
//! use core::convert::Infallible;
//! use std::{collections::VecDeque, sync::{Mutex, atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed}}};
//! use embedded_hal::{digital::{ErrorType, OutputPin}, spi::Operation};
//! use wouldblock::{
//!     Attempt, adapter::{SharedBus, SpiDevice}, block::Spin, event::Event, job::{Background, Slot}, nb,
//!     spi::{Bus, Controller, Cursor, Words}, sync::MutexGuard, time::StdClock,
//! };
//!
//! // The hardware: a FIFO, a device that returns the complement of what it gets, a DMA engine.
//! static FIFO: Mutex<VecDeque<u8>> = Mutex::new(VecDeque::new());
//! static SENT_BY_DMA: AtomicUsize = AtomicUsize::new(0);
//! static BUSY: AtomicBool = AtomicBool::new(false); // the last bit is on the wire
//! static NEWS: Event = Event::new();
//!
//! // All that the HAL's author writes. (This FIFO has room for all there is, so nothing must wait.)
//! struct Chip;
//! impl Controller for Chip {
//!     type Error = Infallible;
//!     fn flush(&mut self) -> nb::Result<(), Infallible> {
//!         if BUSY.swap(false, Relaxed) { return Err(nb::Error::WouldBlock) }
//!         Ok(FIFO.lock().unwrap().clear()) // also what came in while DMA has sent
//!     }
//!     fn abort(&mut self) { FIFO.lock().unwrap().clear() }
//!     fn reset(&mut self) { FIFO.lock().unwrap().clear() }
//! }
//! impl Words<u8> for Chip {
//!     fn step(&mut self, cursor: &mut Cursor<u8>) -> nb::Result<(), Infallible> {
//!         let mut fifo = FIFO.lock().unwrap();
//!         while let Some(word) = fifo.pop_front() { cursor.received(word); }
//!         while let Some(word) = cursor.send(0xff) { fifo.push_back(!word) }
//!         if cursor.is_through() { Ok(()) } else { Err(nb::Error::WouldBlock) }
//!     }
//! }
//! impl Chip {
//!     fn start_dma(&mut self, _bytes: &'static [u8]) { SENT_BY_DMA.store(0, Relaxed) }
//! }
//! struct Select;
//! impl ErrorType for Select { type Error = Infallible; }
//! impl OutputPin for Select {
//!     fn set_low(&mut self) -> Result<(), Infallible> { Ok(()) }
//!     fn set_high(&mut self) -> Result<(), Infallible> { Ok(()) }
//! }
//!
//! // Drivers of other authors: one blocks, one awaits.
//! fn id(mut spi: impl embedded_hal::spi::SpiDevice) -> [u8; 2] {
//!     let mut id = [0; 2];
//!     spi.transaction(&mut [Operation::Write(&[0x9f]), Operation::Read(&mut id)]).unwrap();
//!     id
//! }
//! async fn echo(mut spi: impl embedded_hal_async::spi::SpiDevice) -> [u8; 3] {
//!     let mut words = [1, 2, 3];
//!     let operations = &mut [Operation::DelayNs(500), Operation::TransferInPlace(&mut words)];
//!     spi.transaction(operations).await.unwrap();
//!     words
//! }
//!
//! type Shared = SharedBus<Bus<'static, Chip>, 2>;
//! let bus = Bus::new(Chip, NEWS.waiter().unwrap());
//! let bus: &'static Shared = Box::leak(Box::new(Shared::new(bus))); // in a program: a `static`
//! let device = || SpiDevice::new(bus, Select, StdClock::new(), Spin).unwrap();
//! assert_eq!(id(device()), [0, 0]);
//! # // Nothing interrupts here, so it is polled until it ends.
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let (mut future, mut context) = (Box::pin(future), std::task::Context::from_waker(std::task::Waker::noop()));
//! #     loop { if let std::task::Poll::Ready(end) = future.as_mut().poll(&mut context) { return end } }
//! # }
//! assert_eq!(block_on(echo(device())), [!1, !2, !3]);
//!
//! // A write by DMA: a job that owns the bus, the chip select and the bytes.
//! struct Write { bus: MutexGuard<'static, Bus<'static, Chip>, 2>, select: Select, bytes: &'static [u8] }
//! impl Attempt for Write {
//!     type Output = ();
//!     type Error = Infallible;
//!     fn attempt(&mut self) -> nb::Result<(), Infallible> {
//!         if SENT_BY_DMA.load(Relaxed) < self.bytes.len() { return Err(nb::Error::WouldBlock) }
//!         // Ready within a bit; if not, the controller is stuck.
//!         if !(0..1000).any(|_| self.bus.controller().flush().is_ok()) { self.bus.controller().reset() }
//!         Ok(self.select.set_high()?)
//!     }
//! }
//! impl Background for Write {
//!     fn begin(&mut self) {
//!         let Ok(()) = self.select.set_low();
//!         self.bus.controller().start_dma(self.bytes);
//!     }
//!     fn cancel(&mut self) {} // The engine ends by itself.
//! }
//!
//! static DMA: Slot<Write> = Slot::new();
//! let Ok(guard) = bus.try_lock() else { panic!("it is free") };
//! drop(DMA.start(Write { bus: guard, select: Select, bytes: b"pixels" })); // The job is given up,
//! assert!(bus.try_lock().is_err());                                       // and keeps the bus
//! BUSY.store(true, Relaxed);
//! SENT_BY_DMA.store(6, Relaxed);
//! drop(DMA.on_interrupt());                                               // until the engine is done:
//! drop(DMA.reclaim());                                                    // here is what it owned.
//! assert_eq!(id(device()), [0, 0]);
//! ```
