//! Links all handlers and one more, which can panic: the check must find it.

#![no_std]
#![no_main]

panicless::link!((panicless::HANDLERS, handler_planted as fn(usize) -> u8));

/// Panics if the index is out of bounds.
#[unsafe(no_mangle)]
fn handler_planted(index: usize) -> u8 {
    core::hint::black_box([1, 2, 3])[index]
}
