//! # How it is proven
//!
//! # The problem
//!
//! A lost wake-up needs an interrupt between two instructions of one wait. An ordinary test does not hit
//! that place in a year; and a test that has never failed has not shown that it can.
//!
//! # The rule
//!
//! **Each promise has a check that tries every place, and a twin: the same code with one mistake, where that
//! check must fail.**
//!
//! | what | how | what it does not show | command |
//! |---|---|---|---|
//! | no wake-up is lost, on the host | the *sweep*: an interrupt at every access of the library to what it shares, every access to `sync::atomic`, every register access of the fake, every end of a critical section of any crate; then two at every pair | a driver's own plain memory accesses; other cores | `cargo test -p host-tests --test sweep`; for your driver: feature `testing` |
//! | no wake-up is lost, on the machine | under QEMU's `-icount` a timer interrupts before *every instruction* of every wait path, on every board, on the PC with both interrupt controllers, and again behind the first one | other processors than the one that is emulated; other profiles than release | `cargo run -- sweep --board all` |
//! | handlers of two priorities | on the host, the higher one at every place of the lower one's handler: a signal inside a signal, a step inside a step, a poll inside a signal | more than two priorities | `cargo test -p host-tests --test sweep nested` |
//! | between cores | `loom`: every interleaving of the library's own source, up to a bound where a model is large | what its memory model lacks; each model has a planted bug that it finds | `cargo test -p loom-tests`, and `-p loom-tests-sections` |
//! | between threads and signals | a POSIX timer signal interrupts a million waits at random; a work-stealing executor | what chance does not hit | `cargo test -p host-tests --test signals` |
//! | nothing leaks | everything that can be done with a job, at random, on four devices at once; every count exact | | `cargo run -- soak` |
//! | what must not compile | pairs of cases that differ in one line: one compiles, one does not | | `cargo test -p host-tests --test compile_fail` |
//! | nothing panics in a handler | everything that a handler may call is linked alone; the linked file must contain no panic handler | | `cargo test -p runner --test panicless` |
//! | between two cores, in QEMU (`-smp 2`) | a job started on one core is ended by a handler on the other, which wakes the sleeper by an interrupt to its core; both cores step one slot at full speed | more than two cores; weak memory order | `cargo test -p runner --test cores` |
//! | what goes wrong ends in a typed error, or is recovered | devices that are never ready, ready twice, interrupt for nothing or in a storm; a bad sector, a read-only disk, a reset with requests in flight, line errors | | `cargo test -p host-tests --test faults`, `cargo test -p runner --test disk` |
//! | the adapters keep the contracts of `embedded-hal` | the suites of `testing::conformance`, each promise with a twin that it catches by name; the same suites on three crates of others | what the fakes do not have | `cargo test -p host-tests --test conformance`; `SpiBus` and NOR flash: `--test spi`, `--test flash` |
//! | foreign code runs on it unchanged | `mavlink` and `edge-http` over the UART; `embedded-sdmmc` on the disk and over SPI; drivers of I2C, SPI, flash and CAN, each in the version that is locked | | `cargo test -p runner --test third_party`, `--test disk`, `--test buses` |
//! | where another framework starts the program | a UEFI application, and tasks of RTIC 2 of three priorities on a Cortex-M4 | | `cargo test -p runner --test frameworks` |
//! | cache flush | a CPU whose flushes trap: which lines were flushed is compared line by line | what a power cut loses: a model on the host enumerates that | `cargo test -p runner --test cache` |
//! | fences | read from single-stepped runs, for the path of each vendor | | `cargo test -p host-tests --test cache_instructions` |
//! | a log survives a crash | recovery from every state that a crash can leave, also in the middle of recovery; QEMU killed while its guest appends | killing QEMU shows what the guest has stored, not what it has flushed | `cargo test -p host-tests --test crash`, `cargo run -- powerfail` |
//! | from C | every misuse that can be checked returns its error; a firmware in C, linked by `cc` and `ld` alone, recovers its log after a power cut that keeps only the lines that were flushed | | `cargo test -p runner --test c` |
//!
//! On real silicon nothing was run. QEMU runs one instruction after the other, and has no cache; what it
//! cannot show is said in the row.
//!
//! # For your own driver
//!
//! (If it uses nothing else of this crate: [the sweep, for a driver of your own](super::sweep).)
//!
//! 1. A fake that keeps the facts, edges above all, and calls `testing::boundary()` at each access. The driver's own
//!    atomics are those of [`sync::atomic`](crate::sync::atomic).
//! 2. A [`World`](super::driver): `event` is what the device does, `deliver` is the interrupt controller.
//! 3. A sweep for each form that you offer.
//! 4. A twin for each. If you cannot write one that loses, the sweep does not reach that place.
//! 5. The functions in `testing::check`, one for each promise of [`Attempt`](crate::Attempt) and of
//!    [`Background`](crate::job::Background).
//!
//! For a HAL there is more: `testing::conformance` has suites for any implementation of `I2c`, `SpiDevice`,
//! `digital::Wait` and `embedded_can`, blocking and awaited, whether it is made with this crate or not. You
//! write a fake of your device that passes on what it does on the wires; the suite brings the targets, and
//! says for each promise by its name whether it is kept: one run for adjacent operations, a refusal and what
//! comes after it, a chip select that rises when the last bit has left, an edge that is a new one, no frame
//! lost or doubled, and what a call leaves that is dropped at any place.
//!
//! [The driver page](super::driver) does 1 to 4, and the example of the module `testing` ends in the smallest
//! twin. Here is number 5:
//!
//! ```
//! use std::cell::Cell;
//! use wouldblock::{attempt, nb, testing::{self, check}};
//!
//! /// The device: one byte, and a line that its arrival raises.
//! #[derive(Default)]
//! struct World { byte: Cell<Option<u8>>, line: Cell<bool> }
//!
//! impl World {
//!     fn take(&self) -> nb::Result<u8, ()> {
//!         testing::boundary();                       // an interrupt may come here
//!         self.byte.take().ok_or(nb::Error::WouldBlock)
//!     }
//! }
//!
//! impl testing::World for World {
//!     fn event(&self) {
//!         self.byte.set(Some(7));
//!         self.line.set(true);
//!     }
//!     fn deliver(&self) -> bool { self.line.take() }
//! }
//!
//! // The promises of the try.
//! let world = World::default();
//! let mut op = attempt::from_fn(|| world.take());
//! check::tries_lose_nothing(&mut op, 5, || world.byte.get()).unwrap();
//! check::arm_announces_what_has_come(&mut op, &world).unwrap();
//!
//! // The twin: a try that takes, and then says "not yet".
//! let byte = Cell::new(Some(7));
//! let mut greedy = attempt::from_fn(|| byte.take().map_or(Err(nb::Error::WouldBlock), |_| Err::<u8, _>(nb::Error::<()>::WouldBlock)));
//! assert!(check::tries_lose_nothing(&mut greedy, 5, || byte.get()).is_err());
//! ```
