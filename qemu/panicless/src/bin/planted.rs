//! The handlers that cannot panic, and one that can.

#![no_std]
#![no_main]

panicless::link!((panicless::HANDLERS, handler_planted as fn(usize) -> u8));

/// An index that may be out of bounds.
#[unsafe(no_mangle)]
fn handler_planted(index: usize) -> u8 {
    core::hint::black_box([1, 2, 3])[index]
}
