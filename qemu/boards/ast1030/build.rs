//! Puts the linker scripts where the linker finds them, and says which devices the board has.
//!
//! A binary's build script says `-Tboard.x`, which includes cortex-m-rt's script, which includes
//! `memory.x`.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x can be copied");
    fs::copy("board.x", out.join("board.x")).expect("board.x can be copied");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::metadata=devices=serial,flash,i2c,pins");
    println!("cargo::rerun-if-changed=board.x");
    println!("cargo::rerun-if-changed=memory.x");
}
