//! Sets `cfg(wouldblock_single_core)` for this package alone: for its tests, and, as the build script of `library` too, for
//! the library that they test.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=wouldblock_single_core");
    println!("cargo::rustc-check-cfg=cfg(feature, values(any()))");
}
