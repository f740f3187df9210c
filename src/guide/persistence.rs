//! # Persistence
//!
//! # The problem
//!
//! A store to persistent memory is in the cache. At a power cut, what the cache had not written back is
//! gone, and lines may have been written back in any order: half a record, a new length with an old
//! payload.
//!
//! # The rule
//!
//! *(Module `persist`, feature `persist`.)* It is cache flush with a promise: *store*, `flush` (starts the
//! write-back: asynchronous), `drain` (waits for all of it: synchronous, blocking), and only then
//! *acknowledge*. One drain serves any number of flushes. These are libpmem's words.
//!
//! | what | is |
//! |---|---|
//! | `Region` (x86_64) | persistent memory, borrowed mutably for as long as it lives; `Domain` says whether the caches survive a power cut (eADR) or not (ADR) |
//! | `Memory` | what a log needs of memory, so that it runs on a region, on a model of power cuts, and on an image |
//! | `log::Log` | an append-only log. What was acknowledged is found again after a crash at any store; what was not is whole or absent |
//! | `log::Reader` | the same, read only: an image, or a look before anything is changed |
//!
//! An append has the forms of [the table](super::waiting): `log.try_append(..)` is one try, synchronous, and
//! `WouldBlock` says "the log is full". `log.batch()` starts the write-back of each record while the next one
//! is made (asynchronous), and `batch.wait()` is their one end (blocking).
//!
//! Whether it keeps its promise is tried on every state that a crash can leave, crashes inside recovery
//! among them (`cargo test -p host-tests --test crash`), and by killing a guest that appends to an
//! NVDIMM (`cargo run -- powerfail`).
//!
//! # It, running
//!
//! ```
//! use wouldblock::{nb, persist::log::{self, Error, Log, Reader}};
//!
//! let mut memory = [0_u64; 64];                          // in a real program, a `Region`
//!
//! assert_eq!(log::check(&memory[..]), Err(Error::NotALog)); // only then is one created
//! let mut log = Log::create(&mut memory[..])?;
//! assert_eq!(log.try_append(b"acknowledged"), Ok(1));    // persistent when the call returns
//! let mut batch = log.batch();                           // two records, one wait
//! batch.try_append(b"one").unwrap();
//! batch.try_append(b"two").unwrap();
//! batch.wait();
//!
//! // A power cut in the middle of an append: the record is torn.
//! drop(log.try_append(b"never acknowledged"));
//! let torn = memory.iter().rposition(|&word| word != 0).unwrap();
//! memory[torn] ^= 1;
//!
//! let records = Reader::open(&memory[..])?.records().count();
//! let log = Log::recover(&mut memory[..])?;
//! assert_eq!((records, log.records().count()), (3, 3));
//! let mut buffer = [0; 16];
//! let first = log.records().next().unwrap();
//! assert_eq!(log.read(&first, &mut buffer), Ok(&b"acknowledged"[..]));
//! # let _ = nb::Error::<()>::WouldBlock;
//! # Ok::<(), Error>(())
//! ```
