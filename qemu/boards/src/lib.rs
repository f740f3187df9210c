//! The board that a firmware is built for. The target chooses it, and of two boards with one target a
//! feature of this crate, which the runner turns on: so a firmware names no machine.
//!
//! To add a board: a folder beside this crate with the modules below, one line in this crate's
//! `Cargo.toml`, and one line here.
//!
//! | module | what a board offers |
//! |---|---|
//! | `start` | from reset to the binary's main function, which [`entry!`] names |
//! | `interrupts` | interrupt lines, each open to any handler; `enable`, `disable`, `are_enabled` |
//! | `counter` | a free-running counter for spans; the time, and the library's clock on it |
//! | `alarm` | an interrupt at a time to come, and the library's alarm on it |
//! | `console` | bytes to the host: a log, and a report that a program reads |
//! | `exit` | the end of a run, with an exit code |
//! | `idle` | the sleep until the next interrupt |

#![no_std]

#[cfg(all(target_arch = "arm", target_has_atomic = "32"))]
pub use ast1030::*;
#[cfg(all(target_arch = "arm", not(target_has_atomic = "32")))]
pub use microbit::*;
#[cfg(target_arch = "x86_64")]
pub use pc::*;
#[cfg(target_arch = "riscv32")]
pub use virt::*;
