//! The guide: for an embedded engineer to whom this crate is new. One page a question, in an order in
//! which they can be read; each ends in something that compiles and runs.
//!
//! 1. [What waiting is](waiting): two pairs of words, and four conclusions
//! 2. [A driver, step by step](driver): the PC's keyboard; its fake, its sweep
//! 3. [Level and edge](level_and_edge): conditions that last, and those that do not
//! 4. [Cancelling, and who owns the buffer](cancelling)
//! 5. [Time-outs](timeouts) (timeout, deadline, alarm)
//! 6. [Several events](several): whichever comes first; a superloop
//! 7. [Your board in 20 lines](board): critical section, idle, clock, alarm, executor
//! 8. [In an existing HAL](hal): an `nb` serial port, awaited by one line in its interrupt
//! 9. [Under embassy, and in a superloop](executors)
//! 10. [Under RTIC](rtic): what needs a lock, and where a task may wait
//! 11. [From and to `nb`, `embedded-hal`, `embedded-io`, std](traits)
//! 12. [A bus, once](bus): I2C and SPI for blocking and async drivers at once
//! 13. [What it costs](costs)
//! 14. [How it is proven](proof)
//! 15. [Cache flush](flush): the asynchronous operation without a callback
//! 16. [Persistence](persistence)
//! 17. [Glossary](glossary): one word, one thing
//!
//! Programs that run on your host, each by `cargo run --example NAME`: `driver`, `socket`, `nb_driver`,
//! `cache_flush`. On (emulated) devices: `cargo run`.

pub mod board;
pub mod bus;
pub mod cancelling;
pub mod costs;
pub mod driver;
pub mod executors;
pub mod flush;
pub mod glossary;
pub mod hal;
pub mod level_and_edge;
pub mod persistence;
pub mod proof;
pub mod rtic;
pub mod several;
pub mod timeouts;
pub mod traits;
pub mod waiting;
