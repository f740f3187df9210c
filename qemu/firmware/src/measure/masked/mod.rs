//! How long interrupts stay masked, in instructions. Handlers are not counted: in them interrupts are
//! masked anyway.
//!
//! Two ways to find it, behind one interface. On x86_64 (`stepped`) the processor runs the code in
//! single steps. Where it cannot (`placed`), the code runs again and again, and the timer interrupts
//! at another instruction each time.

#[cfg(not(target_arch = "x86_64"))]
#[path = "placed.rs"]
mod how;
#[cfg(target_arch = "x86_64")]
#[path = "stepped.rs"]
mod how;

pub use how::*;

/// The longest stretch with interrupts masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its instructions, from the one behind the one that masks to the one that unmasks.
    pub instructions: u64,
    /// One in it, or one right behind it; 0 if nothing was masked.
    pub address: u64,
    /// Instructions of everything that was run until it ended or slept, handlers not included.
    pub of: u64,
}
