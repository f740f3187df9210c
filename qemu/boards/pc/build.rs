//! Puts the board's linker script, `pc.x`, where the linker finds it when a binary's build script
//! says `-Tpc.x`.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("pc.x", out.join("pc.x")).expect("pc.x can be copied");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rerun-if-changed=pc.x");
}
