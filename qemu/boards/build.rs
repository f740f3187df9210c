//! Passes on which devices the board has. A board's build script says so: `cargo::metadata=devices=`
//! and their names, separated by commas. A crate that depends on this one reads `DEP_BOARD_DEVICES`.

use std::env;

fn main() {
    let devices = env::vars()
        .find(|(name, _)| name.starts_with("DEP_BOARD_") && name.ends_with("_DEVICES"))
        .map_or(String::new(), |(_, devices)| devices);
    println!("cargo::metadata=devices={devices}");
    println!("cargo::rerun-if-changed=build.rs");
}
