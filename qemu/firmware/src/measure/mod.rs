//! What measures: nothing in the library or in a driver knows of it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`count`] | tries, sleeps, and the instructions that the foreground spent |
//! | [`exact`] | exact counts, the same for the library and its peers |
//! | [`record`] | what happened one after the other, for a picture: in the binary `picture` only |
//! | [`masked`] | how long interrupts stay masked |

pub mod count;
pub mod exact;
pub mod masked;
#[cfg_attr(not(feature = "record"), path = "unrecorded.rs")]
pub mod record;
