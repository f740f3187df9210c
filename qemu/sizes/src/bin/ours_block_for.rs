//! Retried spinning, for a limited time. With an alarm, asleep, it is one of the six forms.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, Receive, sink_ok},
    frame::{finish, wake},
    timer::{Timer, some_time},
};
use wouldblock::{
    attempt::{Attempt, from_fn},
    block::Spin,
};

sizes::program!(wake, foreground);

fn foreground() -> ! {
    sink_ok(from_fn(|| FIRST.try_byte()).polled().block_for(Spin, Timer, some_time()));
    finish()
}
