//! Links the binaries as the board lays them out, and lets `defmt` collect its messages.

fn main() {
    println!("cargo::rustc-link-arg-bins=-Tboard.x");
    println!("cargo::rustc-link-arg-bins=-Tdefmt.x");
    println!("cargo::rerun-if-changed=build.rs");
}
