//! Links the binaries as the board lays them out, lets `defmt` collect its messages, and builds what
//! the devices of the board allow.

include!("../boards/devices.rs");

fn main() {
    tell_devices();
    println!("cargo::rustc-link-arg-bins=-Tboard.x");
    println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    // GNU ld, which links for the PC, keeps a section with such a name by itself.
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch != "x86_64") {
        let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bin=tests=-T{folder}/tests.x");
        println!("cargo::rerun-if-changed=tests.x");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../boards/devices.rs");
}
