//! Puts the board's linker script, `board.x`, where the linker finds it when a binary's build script
//! says `-Tboard.x`. Names the devices that the board has, for the build scripts of what runs on it.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("board.x", out.join("board.x")).expect("board.x can be copied");
    println!("cargo::rustc-link-search={}", out.display());
    if env::var_os("CARGO_FEATURE_SIFIVE_U").is_some() {
        println!("cargo::metadata=devices=spi");
    } else {
        println!("cargo::metadata=devices=serial,dma,edu,disk,can");
    }
    println!("cargo::rerun-if-changed=board.x");
}
