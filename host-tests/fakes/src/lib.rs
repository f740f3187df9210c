//! What the tests of `wouldblock` share: a clock that is set by hand, a log of what happened in which
//! order, wakers that tell what is done to them, a source of news, and a PC's serial port that
//! punishes misuse.

pub mod clock;
pub mod log;
pub mod log_layout;
pub mod pc;
pub mod source;
pub mod waker;
