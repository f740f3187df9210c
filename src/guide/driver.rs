//! # A driver, step by step
//!
//! The device is the keyboard of the PC, behind its i8042 controller. It is real and small, it raises
//! edges, and it is in QEMU and in most PCs. The code below is `examples/driver`, file by file:
//! `cargo run --example driver` runs it.
//!
//! # 1. The facts
//!
//! | what | where | source |
//! |---|---|---|
//! | status register | port 0x64 | IBM PS/2 Hardware Interface Technical Reference, keyboard and auxiliary device controller |
//! | a byte is there | status bit 0 | the same |
//! | it came broken: time-out, parity | status bits 6 and 7 | the same; Linux, `drivers/input/serio/i8042.h` |
//! | the byte; reading it takes it | port 0x60 | the same |
//! | enable of the interrupt | bit 0 of the command byte | the same |
//! | the interrupt is IRQ 1, and an edge: the keyboard's line cannot be made a level | 8259 | Intel Atom E6xx data sheet, ELCR1 (port 0x4D0) |
//!
//! The driver needs three accesses, so it asks for three. A trait for them is what lets a fake stand
//! in for the device:
//!
//! ```
//! # mod ports {
#![doc = include_str!("../../examples/driver/ports.rs")]
//! # }
//! # fn main() {}
//! ```
//!
//! # 2. One try
//!
//! Ask of the device: *what is one try?* Here: look at the status; if there is a byte, take it. Check
//! it against the three rules of [`Attempt`](crate::Attempt):
//!
//! - A try that would block loses nothing: it has only read the status, which changes nothing.
//! - Trying again is always right: the byte stays in the output buffer until a try takes it.
//! - A try is bounded: two accesses at most.
//!
//! A byte in a buffer is a condition that *lasts*, so no interrupt has to be remembered. (What does not
//! last is the subject of [the next page](super::level_and_edge).)
//!
//! # 3. Its event, and every form
//!
//! An [`Event`](crate::event::Event) in the driver says "it is worth trying again". The part of the driver
//! that reads (`Keys`) owns the event's one [`Waiter`](crate::event::Waiter). It ties the try to the waiter,
//! and the result is an [`Operation`](crate::event::Operation): one value that can be tried, blocked on,
//! bounded and awaited. Nothing else is written for any of these forms.
//!
//! ```
//! # mod ports { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/ports.rs")); }
//! # mod keyboard {
#![doc = include_str!("../../examples/driver/keyboard.rs")]
//! # }
//! # fn main() {}
//! ```
//!
//! # 4. Its handler: quiet, acknowledge, wake
//!
//! In this order, in every handler:
//!
//! 1. **Quiet the device**, so that the line falls. (Here an edge is over by itself. On a
//!    level-triggered line the driver would disable the interrupt in the device, and its
//!    [`arm`](crate::Attempt::arm) would enable it again.)
//! 2. **Acknowledge** the interrupt at the controller.
//! 3. **Wake.** The wake may run any code: an executor's pender, another library's waker. So it
//!    comes last, and [`OwedWake`](crate::event::OwedWake) is how a driver says so: the wake happens
//!    when it is dropped.
//!
//! `on_irq_1` in step 6 is such a handler.
//!
//! # 5. In the background
//!
//! For "fill this buffer, I do something else" the interrupt itself makes the tries. The operation
//! owns its buffer and its end of the driver, since it lives in a `static`
//! [`Slot`](crate::job::Slot) while it runs. It adds two promises to the try
//! ([`Background`](crate::job::Background)): after `begin` an interrupt *follows*, and `cancel` brings the
//! end. The first promise is hard to keep on an edge-triggered line: if a byte was there before `begin`, its
//! edge is over, and no other edge would come. So `begin` makes one: it disables the interrupt in the device
//! and enables it again.
//!
//! ```
//! # mod ports { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/ports.rs")); }
//! # mod keyboard { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/keyboard.rs")); }
//! # mod read {
#![doc = include_str!("../../examples/driver/read.rs")]
//! # }
//! # fn main() {}
//! ```
//!
//! # 6. Its fake, and all forms in use
//!
//! The fake keeps the facts of step 1, above all the edge: the line is high while there is a byte, and
//! only a *rise* makes a request. A fake that is kinder than the device proves nothing.
//!
//! ```
//! # mod ports { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/ports.rs")); }
//! # mod fake {
#![doc = include_str!("../../examples/driver/fake.rs")]
//! # }
//! # fn main() {}
//! ```
//!
//! ```
//! # mod ports { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/ports.rs")); }
//! # mod keyboard { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/keyboard.rs")); }
//! # mod read { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/read.rs")); }
//! # mod fake { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/fake.rs")); }
//! # mod forms {
#![doc = include_str!("../../examples/driver/forms.rs")]
//! # }
//! # fn main() { forms::show() }
//! ```
//!
//! # 7. Its sweep, and twins that the sweep catches
//!
//! In the program above, interrupts come only where its author has thought of them. A bug is where the author
//! has not. So the *sweep* (feature `testing`, module `testing`) runs each form again and again, and has the
//! key pressed at another place each time: before every access of the library to what it shares with
//! handlers, and before every register access of the fake; then at every pair of places. The handler runs
//! right there, on the same stack, as on the device.
//!
//! A check that cannot fail shows nothing. So there are *twins*: the same driver with one mistake, where the
//! sweep must lose a wake-up.
//!
//! ```
//! # mod ports { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/ports.rs")); }
//! # mod keyboard { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/keyboard.rs")); }
//! # mod read { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/read.rs")); }
//! # mod fake { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/driver/fake.rs")); }
//! # mod sweep {
#![doc = include_str!("../../examples/driver/sweep.rs")]
//! # }
//! # fn main() {
//! #     sweep::forms().iter().for_each(|report| report.assert_clean());
//! #     sweep::twins().iter().for_each(|report| assert!(report.lost() > 0, "{report}"));
//! # }
//! ```
//!
//! A sweep prints what it did, in a line: `code, asleep: 6 boundaries, 76 runs, 139 interrupts: 0 lost, …`
