//! The channel's two ends, in a handler.

#![no_std]
#![no_main]

panicless::link!(panicless::CHANNEL);
