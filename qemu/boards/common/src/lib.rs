//! What is the same on every board, and of no machine.
//!
//! | module | what it holds |
//! |---|---|
//! | [`command_line`] | the command, and words `key=value` |
//! | [`edu`] | the registers of QEMU's teaching device, which is on PCI |
//! | [`exit`] | why a run failed, and its exit code |
//! | [`interrupts`] | the handler of a line, and what is counted of interrupts |
//! | [`observed`] | the moments at which handlers begin and end, for a program that records them |
//! | [`kvaser`] | a card with a CAN controller, which is on PCI |
//! | [`log`] | `defmt`'s frames, written by one caller at a time |
//! | [`mmio`] | device registers in memory |
//! | [`report`](mod@report) | one line of the report |
//! | [`once`] | a value that is there from the start of the run |

#![no_std]

pub mod command_line;
pub mod edu;
pub mod exit;
pub mod interrupts;
pub mod kvaser;
pub mod log;
pub mod mmio;
#[cfg_attr(not(feature = "observed"), path = "unobserved.rs")]
pub mod observed;
pub mod once;
pub mod report;
