//! loom models: every interleaving, and every outcome of the atomics' orderings, of small programs
//! over the library's own source. Each model has a twin: the same program over a copy of the
//! protocol with one flaw planted, which the model must find; and over the copy without the flaw,
//! which it must not.
//!
//! What a model cannot show, and what does: that a handler on the *same* core spins on what it has
//! interrupted (loom would schedule the other one: the interrupt sweeps); that a critical section
//! masks interrupts (here it is a lock, as between cores); more than the threads of a model. loom
//! treats `SeqCst` accesses as `AcqRel`, which no code here depends on.

mod broadcast;
mod channel;
mod event;
mod flags;
mod job;
mod mutex;
mod run;
mod shared_channel;
mod slots;
