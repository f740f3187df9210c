//! Builds the drivers of the devices that the board has.

include!("../boards/devices.rs");

fn main() {
    tell_devices();
    println!("cargo::rerun-if-changed=../boards/devices.rs");
}
