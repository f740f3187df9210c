//! Turns `cfg(loom)` and `cfg(wouldblock_sections)` on for this package alone.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rustc-cfg=wouldblock_sections");
    println!("cargo::rustc-check-cfg=cfg(feature, values(any()))");
}
