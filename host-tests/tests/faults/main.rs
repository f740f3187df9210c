//! Devices that go wrong. In every case the operation ends with a typed error or continues, each
//! end is collected once, and no memory is lost, freed early, or written after it was freed.
//!
//! | module | what goes wrong |
//! |---|---|
//! | [`slot`] | never ready, ready twice, interrupts on an idle slot, before and during the start, a storm, an end after a cancel |
//! | [`contention`] | an operation that steps or cancels its own slot, interrupts faster than tries, old tickets that cancel |
//! | [`panics`] | a panic in a start, a drop, a waker, a callback |
//! | [`late`] | a device that continues to write after its job was cancelled, dropped or forgotten |
//! | [`reset`] | a device that is reset with a queue full of requests |

mod contention;
mod device;
mod late;
mod panics;
mod reset;
mod slot;

use fakes::leak;
