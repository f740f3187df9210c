//! # In an existing HAL
//!
//! # The problem
//!
//! Your HAL has a serial port with `nb`: `serial.read()` returns a byte or `WouldBlock`. You want to sleep
//! until there is one, to await it, or to bound the wait. `nb` itself cannot: it has no way to say *when*
//! to try again. And you do not want to write the HAL anew.
//!
//! # The rule
//!
//! An `nb` function **is** a try. What is missing is its event, which is one `static`, and one line in the
//! interrupt that the HAL leaves to you:
//!
//! ```text
//!    static RECEIVED: Event = Event::new();
//!
//!    #[interrupt]
//!    fn USART1() {
//!        RECEIVED.signal();                                   // the one line
//!    }
//!
//!    waiter.operation(attempt::from_fn(|| serial.read())).await
//! ```
//!
//! Before you write it, ask two questions.
//!
//! **Does the handler end?** On a level-triggered interrupt (most peripherals' on a Cortex-M) the line stays
//! high until the byte is read, and the handler above is called again at once, for ever. It must let the line
//! fall, but it cannot read the byte: the reader owns the serial port. What the handler can always do is to
//! mask its own line in the interrupt controller. The attempt's `arm` unmasks the line before a wait. The
//! type `Unmasked` below does that; it is written once, and serves any HAL.
//!
//! **Is `WouldBlock` honest?** Some `nb` functions take a part and then say `WouldBlock`, so that what was
//! taken is lost if the wait is given up; some block although they say that they do not. Read the source
//! of the one you use. `testing::check::tries_lose_nothing` (feature `testing`) checks it on a fake.
//!
//! # It, running
//!
//! `embedded_hal_nb::serial::Read` is what HALs implement; the interrupt controller is a fake whose lines
//! are levels.
//!
//! ```
//! use std::{sync::{Mutex, atomic::{AtomicBool, AtomicU32, Ordering::Relaxed}}, thread};
//! use embedded_hal_nb::serial::{ErrorKind, ErrorType, Read};
//! use wouldblock::{attempt::{self, Attempt}, block::ThreadPark, event::Event, nb};
//!
//! // The HAL's type. Nothing of it knows this crate.
//! struct Serial;
//! impl ErrorType for Serial { type Error = ErrorKind; }
//! impl Read for Serial {
//!     fn read(&mut self) -> nb::Result<u8, ErrorKind> {
//!         DATA.lock().unwrap().take().ok_or(nb::Error::WouldBlock)
//!     }
//! }
//! static DATA: Mutex<Option<u8>> = Mutex::new(None);
//!
//! // The interrupt controller's one line: a level. `NVIC::mask` and `unmask` on a Cortex-M.
//! static MASKED: AtomicBool = AtomicBool::new(true);
//! fn mask() { MASKED.store(true, Relaxed) }
//! fn unmask() { MASKED.store(false, Relaxed) }
//!
//! // What you write: an event, a handler, and the attempt that unmasks.
//! static RECEIVED: Event = Event::new();
//! static CALLS: AtomicU32 = AtomicU32::new(0);
//!
//! fn usart1() {
//!     CALLS.fetch_add(1, Relaxed);
//!     mask();                 // quiet: the byte stays for the try
//!     RECEIVED.signal();      // and wake
//! }
//!
//! struct Unmasked<A>(A);
//! impl<A: Attempt> Attempt for Unmasked<A> {
//!     type Output = A::Output;
//!     type Error = A::Error;
//!     fn attempt(&mut self) -> nb::Result<A::Output, A::Error> { self.0.attempt() }
//!     fn arm(&mut self) { self.0.arm(); unmask() }
//!     fn disarm(&mut self) { self.0.disarm(); mask() }
//! }
//!
//! // The hardware: bytes come, and the line interrupts while it is high and not masked.
//! thread::spawn(|| {
//!     for byte in *b"nb" {
//!         while DATA.lock().unwrap().is_some() { thread::yield_now() }
//!         *DATA.lock().unwrap() = Some(byte);
//!         while DATA.lock().unwrap().is_some() {
//!             if !MASKED.load(Relaxed) { usart1() }
//!         }
//!     }
//! });
//!
//! let (mut serial, mut waiter) = (Serial, RECEIVED.waiter().unwrap());
//! let mut byte = waiter.operation(Unmasked(attempt::from_fn(|| serial.read())));
//! assert_eq!(byte.block(ThreadPark::new()), Ok(b'n'));      // asleep
//! assert_eq!(pollster::block_on(byte), Ok(b'b'));           // awaited
//! assert!(MASKED.load(Relaxed));                            // silent while nothing waits
//! ```
//!
//! A whole driver crate of this kind, from crates.io and unchanged: `cargo run --example nb_driver`.
