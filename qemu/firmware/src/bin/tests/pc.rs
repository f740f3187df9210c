//! Tests of what only the PC has: its instructions, its controllers, its buses.

mod cache;
mod exceptions;
mod interrupts;
mod irqs;
mod memory;
mod persist;
mod serial;
mod timer;
