//! A bus with a blocking driver, which spins.

#![no_std]
#![no_main]

use sizes::{
    frame::{finish, wake},
    i2c::{blocking, by_hand::Blocking},
};

sizes::program!(wake, foreground);

fn foreground() -> ! {
    blocking(Blocking);
    finish()
}
