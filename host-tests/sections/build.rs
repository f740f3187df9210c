//! Sets `cfg(wouldblock_sections)` for this package alone: for its tests, and, as the build script of `library` too, for
//! the library that they test.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=wouldblock_sections");
    println!("cargo::rustc-check-cfg=cfg(feature, values(any()))");
}
