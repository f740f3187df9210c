//! What every program has, and nothing else: the other programs are counted over this one.

#![no_std]
#![no_main]

use sizes::frame::{finish, wake};

sizes::program!(wake, finish);
