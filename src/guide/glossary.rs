//! # Glossary
//!
//! One word, one thing.
//!
//! | word | means |
//! |---|---|
//! | **try** | one call that does not wait: it ends, or says `WouldBlock` and has lost nothing |
//! | **attempt** | a value that can be tried ([`Attempt`](crate::Attempt)) |
//! | **event** | a `static` by which a handler says "it is worth trying again" ([`Event`](crate::event::Event)) |
//! | **signal** | to tell an event's waiter so, from a handler or any other context |
//! | **latch** | to keep a condition that passes by itself until a try takes it |
//! | **raise** | to set a bit that stays until it is taken, and to signal ([`Flags`](crate::event::Flags)) |
//! | **waiter** | what an event wakes; there is one for each event, and a part of a driver owns it ([`Waiter`](crate::event::Waiter)) |
//! | **operation** | an attempt tied to its waiter: one value with every form ([`Operation`](crate::event::Operation)) |
//! | **form** | how an operation is waited for: tried, blocked on, bounded, awaited, as a job, with a callback |
//! | **news** | "signalled since the last look"; what an idler asks for before it sleeps |
//! | **idler** | what passes the time between two tries: spins or sleeps ([`Idle`](crate::block::Idle)) |
//! | **park** | to sleep so that an interrupt between the last question and the sleep ends it |
//! | **arm** | to enable, in the device, the interrupt that announces the next worthwhile try |
//! | **listen** | of a pin: to let its edges interrupt, from the call that makes an operation until that is dropped ([`digital`](crate::digital)) |
//! | **quiet** | to make the device let its line fall |
//! | **acknowledge** | to tell the interrupt controller that its interrupt was handled (EOI) |
//! | **background operation** | one that continues after the call has returned ([`Background`](crate::job::Background)) |
//! | **slot** | a `static` that owns a background operation while it runs ([`Slot`](crate::job::Slot)) |
//! | **job** | the handle of a background operation ([`Job`](crate::job::Job)) |
//! | **step** | one try of what is in a slot, by a handler or by a waiting foreground |
//! | **ticket** | names one use of one slot; it rides through a device's queue ([`Ticket`](crate::job::Ticket)) |
//! | **owed wake** | a wake that happens when it is dropped, after the interrupt is acknowledged ([`OwedWake`](crate::event::OwedWake)) |
//! | **deadline** | a moment on a clock ([`Deadline`](crate::time::Deadline)); a **time-out** is to reach it |
//! | **limit** | how long a blocking call of another crate's trait waits ([`Limit`](crate::adapter::Limit)) |
//! | **alarm** | one interrupt, some ticks from now ([`Alarm`](crate::time::Alarm)) |
//! | **displaced** | said of a CAN frame that was queued, and whose place a more urgent one has taken |
//! | **controller** | the register accesses of a bus or a chip, none of which waits; a **target** is what it talks to |
//! | **transaction** | some operations with one target: from START to STOP, or under one chip select |
//! | **settle** | to end what an earlier operation has left, before the next one begins |
//! | **run** | adjacent operations of one direction, behind one START |
//! | **boundary** | a place at which the sweep lets an interrupt come |
//! | **sweep** | a check that places an interrupt at every boundary of a wait |
//! | **promise** | one sentence of a contract, by its name; a **suite** checks the promises of a trait (`testing::conformance`) |
//! | **twin** | the same code with one mistake, which a check must catch |
//!
//! Six of them in use:
//!
//! ```
//! use wouldblock::{attempt, block::Spin, event::Event, nb};
//!
//! static RECEIVED: Event = Event::new();                          // an event
//! let mut waiter = RECEIVED.waiter().unwrap();                    // its waiter
//! let try_once = || Ok::<u8, nb::Error<()>>(7);                   // a try
//! let mut operation = waiter.operation(attempt::from_fn(try_once)); // an attempt, an operation
//! RECEIVED.signal();                                              // a signal
//! assert_eq!(operation.block(Spin), Ok(7));                       // a form, an idler
//! ```
