//! One try.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, Receive, sink_ok},
    frame::{finish, wake},
};

sizes::program!(wake, foreground);

fn foreground() -> ! {
    sink_ok(FIRST.try_byte());
    finish()
}
