//! One try.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, Receive, sink_ok},
    frame::{finish, wake},
};
use wouldblock::attempt::{Attempt, from_fn};

sizes::program!(wake, foreground);

fn foreground() -> ! {
    sink_ok(from_fn(|| FIRST.try_byte()).attempt());
    finish()
}
