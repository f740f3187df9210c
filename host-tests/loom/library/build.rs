//! Turns `cfg(loom)` on for this package alone, without `RUSTFLAGS`, which would turn it on for
//! every dependency too.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rustc-check-cfg=cfg(feature, values(any()))");
}
