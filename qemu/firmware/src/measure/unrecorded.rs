//! The marks of `record.rs` in every binary but `picture`: nothing.

use crate::{
    measure::count::{Cost, Counted},
    report::Counts,
};

/// A span that is measured begins.
#[inline(always)]
pub const fn section_begins(_: Counts) {}

/// It ends.
#[inline(always)]
pub const fn section_ends() {}

/// What it has cost.
#[inline(always)]
pub const fn cost(cost: Cost) -> Cost {
    cost
}

/// A section begins whose tries, and nothing else, are those of the row.
#[inline(always)]
pub const fn tries_begin() {}

/// Calls `f`.
#[inline(always)]
pub fn tries_of<T>(f: impl FnOnce() -> T) -> T {
    f()
}

/// Calls `f`, which is one try.
#[inline(always)]
pub fn tried<T>(f: impl FnOnce() -> T) -> T {
    f()
}

/// Calls `f`, which returns how many tries it has made.
#[inline(always)]
pub fn trying(f: impl FnOnce() -> u64) {
    f();
}

/// A try begins that ends with the next mark.
#[inline(always)]
pub const fn try_opens() {}

/// It has ended before the next mark.
#[inline(always)]
pub const fn try_closes() {}

/// The foreground begins to idle.
#[inline(always)]
pub const fn idle_begins() {}

/// It continues. Whether it was asleep.
#[inline(always)]
pub const fn idle_ends(_asleep: bool) {}

/// Calls `f`, which tidies up after a sleep and counts as sleep.
#[inline(always)]
pub fn after_sleep(f: impl FnOnce()) {
    f();
}

/// An operation of type `A` begins in the background.
#[inline(always)]
pub const fn flight_begins<A, const EACH: bool>(_: *const Counted<A, EACH>) {}

/// The operation has ended, if it had begun in the background.
#[inline(always)]
pub const fn flight_ends<A, const EACH: bool>(_: *const Counted<A, EACH>) {}

/// Something in the background begins that is no operation.
#[inline(always)]
pub const fn flight_of_begins(_what: &'static str) {}

/// It ends.
#[inline(always)]
pub const fn flight_of_ends(_what: &'static str) {}

/// Before the first row.
#[inline(always)]
pub const fn calibrate() {}

/// Sends what was recorded.
#[inline(always)]
pub const fn send() {}
