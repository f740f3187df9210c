//! Links the binaries by the script of their processor.

use std::env;

fn main() {
    let var = |name| env::var(name).expect("cargo sets it");
    let folder = format!("{}/link/{}", var("CARGO_MANIFEST_DIR"), var("CARGO_CFG_TARGET_ARCH"));
    println!("cargo::rustc-link-search={folder}");
    println!("cargo::rustc-link-arg-bins=-Tsizes.x");
    println!("cargo::rerun-if-changed={folder}");
    println!("cargo::rerun-if-changed=build.rs");
}
