//! loom models: small programs over the library's own source, in every interleaving and with every
//! outcome that the orderings of the atomics allow. Each model also runs over a copy of the
//! protocol with one flaw planted (the twin), in which it must find the flaw, and over the copy
//! without the flaw, in which it must find nothing.
//!
//! A model cannot show that a handler spins on what it has interrupted on the *same* core: loom
//! would schedule the interrupted thread. The interrupt sweeps show that. Nor can it show that a
//! critical section masks interrupts (here it is a lock, as it is between cores), or use more
//! threads than the model has. loom treats `SeqCst` accesses as `AcqRel`; no code here depends on
//! the difference. It orders all that comes before a fence before all that comes after a later one:
//! that is more than the language promises, so it accepts a cell that is passed on by fences alone.
//!
//! The package `loom-tests` runs the models over the lock-free files of the library, and
//! `loom-tests-sections` over the files with critical sections; each runs the twins of its protocol.

mod broadcast;
mod channel;
mod event;
mod flags;
mod job;
mod mutex;
mod run;
mod shared_channel;
mod slots;
