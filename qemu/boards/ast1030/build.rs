//! Puts the linker scripts where the linker finds them, and says which devices the board has.
//!
//! A binary's build script says `-Tboard.x`; that is cortex-m-rt's script, which includes `memory.x`.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x can be copied");
    fs::write(out.join("board.x"), "INCLUDE link.x\n").expect("the folder can be written");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::metadata=devices=serial");
    println!("cargo::rerun-if-changed=memory.x");
}
