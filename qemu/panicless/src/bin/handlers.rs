//! The handlers that cannot panic.

#![no_std]
#![no_main]

panicless::link!(panicless::HANDLERS);
