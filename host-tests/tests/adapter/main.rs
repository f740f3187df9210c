//! `adapter`: each adapter keeps the contracts of the traits that it implements, and each check of
//! a contract catches a stream that breaks the contract.

#[path = "../support/mod.rs"]
mod support;

mod back;
mod delay;
mod errors;
mod streams;
mod uart;
