//! Links all handlers; none of them can panic.

#![no_std]
#![no_main]

panicless::link!(panicless::HANDLERS);
