//! Chooses the twins with critical sections.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=wouldblock_sections");
}
