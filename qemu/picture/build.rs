//! Links the binary as the board lays it out, lets `defmt` collect its messages, and builds what the
//! devices of the board allow.

include!("../boards/devices.rs");

fn main() {
    tell_devices();
    println!("cargo::rustc-link-arg-bins=-Tboard.x");
    println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../boards/devices.rs");
}
