//! Devices that go wrong. Whatever one does, the operation ends with a typed error or continues, each
//! end is given out once, and no memory is lost, freed early, or written after it was.
//!
//! | module | what goes wrong |
//! |---|---|
//! | [`slot`] | never ready, ready twice, interrupts for nobody, before and during the start, a storm, an end after a cancel |
//! | [`contention`] | an operation that steps or cancels its own slot, interrupts faster than tries, old tickets that cancel |
//! | [`panics`] | a panic in a start, a drop, a waker, a callback |
//! | [`late`] | a device that writes on after its job was cancelled, dropped or forgotten |
//! | [`reset`] | a device that is reset with a queue full of requests |

mod contention;
mod device;
mod late;
mod panics;
mod reset;
mod slot;

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
