//! # Level and edge
//!
//! # The problem
//!
//! An interrupt line can say two things. A **level** says "there is a byte": it stays while that is so. An
//! **edge** says "a byte *has come*": it is a moment, and then it is over. A driver that takes one for the
//! other has one of two bugs:
//!
//! - On a level-triggered line, a handler that does not quiet its device is called again at once, for
//!   ever (a *storm*).
//! - On an edge-triggered line, a wait that begins after the edge waits for another one, for ever.
//!
//! # The rule
//!
//! **Try a condition that lasts; latch one that does not.**
//!
//! Most conditions last, also where the *line* has edges. A byte in a FIFO stays there until a try takes
//! it; a lock is free until a try locks it. Every form of waiting in this crate tries *first*, and tries
//! again after it has registered. So for such a condition it does not matter when the edge was: the try
//! finds the byte. The [keyboard](super::driver) is one of these.
//!
//! A pin's edge, or "a key was pressed", does not last. If nothing has listened at that moment, it is gone.
//! Its handler latches it in [`Flags`](crate::event::Flags), which makes it last: a bit stays raised
//! until a try takes it. You may try it, bound it, give it up, race it and await it in any order.
//!
//! - [`any_of(mask)`](crate::event::Flags::any_of) listens **from where it is made**: it clears what was
//!   raised before, so an old edge does not count, and from then on every edge does.
//! - To wait for several edges one after the other, keep the attempt and pass it by `&mut`.
//! - Two edges before one try are one bit. To count them, count in the handler.
//!
//! # What to do on an edge-triggered line
//!
//! | where | what |
//! |---|---|
//! | in the handler | Either leave all data to the try, which lets the line fall, or take all data here. A handler that takes a part of them leaves the line high, and a line that is high cannot rise. Where it must stop early, it disables the device's interrupt and enables it again: that is an edge. |
//! | in `arm` | If the condition may have come between the try and `arm`, the interrupt must still follow. A device that cannot promise that is made to raise its line again, here. |
//! | in `begin` of a background operation | The edge of what came before is over. Disable the device's interrupt and enable it again, which makes an edge, as the keyboard's `begin` does. |
//! | in a fake | A request is made by the *rise* of the line, never by its level. QEMU's IOAPIC model delivers on every high level and hides these bugs; its 8259 model does not. |
//!
//! # What to do on a level-triggered line
//!
//! The handler disables the interrupt *in the device*, acknowledges, wakes. The attempt's
//! [`arm`](crate::Attempt::arm) enables it again before a wait. So the line falls in the
//! handler, and a device for which nothing waits is silent. This is right for edges, too, and is what the
//! [16550](crate::uart16550) does.
//!
//! # A pin
//!
//! [`digital`](crate::digital) has this for the pins of a port, of which a HAL writes three functions.
//! Its operations listen from the call that makes them until they are dropped. A *level* is latched
//! there, too: `Wait` of `embedded-hal-async` asks that a pin which has switched back before the task
//! runs still ends the wait. By hand, an edge is:
//!
//! ```
//! use core::time::Duration;
//! use wouldblock::{attempt::Attempt, block::Spin, event::Flags, nb, time::StdClock};
//!
//! static BUTTON: Flags = Flags::new();
//! const PRESSED: u32 = 1 << 0;
//! const RELEASED: u32 = 1 << 1;
//!
//! fn on_pin_interrupt(high: bool) {
//!     // quiet the pin, acknowledge the interrupt, then:
//!     BUTTON.raise(if high { PRESSED } else { RELEASED });
//! }
//!
//! let mut waiter = BUTTON.waiter().expect("one waiter at a time");
//!
//! on_pin_interrupt(true);                          // before anything listens
//! let mut edge = BUTTON.any_of(PRESSED | RELEASED);  // from here on an edge counts
//! assert_eq!(edge.attempt(), Err(nb::Error::WouldBlock));
//!
//! // A bounded wait that times out, an edge *between* two waits, and the next wait has it.
//! let short = Duration::from_millis(1);
//! assert!(waiter.operation(&mut edge).block_for(Spin, StdClock::new(), short).is_err());
//! on_pin_interrupt(false);
//! assert_eq!(waiter.operation(&mut edge).block(Spin), Ok(RELEASED));
//!
//! // Both before one try: two bits. The same edge twice: one.
//! on_pin_interrupt(true);
//! on_pin_interrupt(false);
//! on_pin_interrupt(true);
//! assert_eq!(waiter.operation(&mut edge).attempt(), Ok(PRESSED | RELEASED));
//! assert_eq!(waiter.operation(&mut edge).attempt(), Err(nb::Error::WouldBlock));
//! ```
