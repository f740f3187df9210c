//! `adapter`: each adapter keeps the contract of the traits that it implements, and each check of a
//! contract catches a stream that breaks it.

#[path = "../support/mod.rs"]
mod support;

mod back;
mod delay;
mod errors;
mod streams;
mod uart;
