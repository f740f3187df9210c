//! Looks for a compiler whose programs run with the address sanitizer: the active one, if it has
//! the runtime, or Debian's, with the runtime of gcc. If there is none, the test is ignored.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Flags to compile for the sanitizer: with the compiler's runtime, or with gcc's library, which
/// must be the first library.
const WAYS: [&str; 2] = [
    "-Zsanitizer=address",
    "-Zsanitizer=address -Zexternal-clangrt -Zpre-link-arg=-Wl,--no-as-needed -Zpre-link-arg=-lasan",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(no_sanitizer)");
    println!("cargo::rustc-env=HOST={}", env::var("HOST").unwrap());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let active = env::var("RUSTC").unwrap();
    let works = [active.as_str(), "/usr/bin/rustc"].into_iter().find_map(|rustc| {
        WAYS.into_iter().find(|way| catches(&out, rustc, way)).map(|way| (rustc, way))
    });
    let (rustc, flags) = works.unwrap_or_else(|| {
        println!("cargo::rustc-cfg=no_sanitizer");
        (active.as_str(), WAYS[0])
    });
    println!("cargo::rustc-env=SANITIZER_RUSTC={rustc}");
    println!("cargo::rustc-env=SANITIZER_FLAGS={flags}");
}

/// Whether a use of freed memory is found in a program that is compiled like this.
fn catches(out: &Path, rustc: &str, way: &str) -> bool {
    let (source, program) = (out.join("probe.rs"), out.join("probe"));
    let probe = "fn main() { let b = Box::new(7_u8); let p = &raw const *b; drop(b); \
        println!(\"{}\", unsafe { p.read_volatile() }); }";
    fs::write(&source, probe).unwrap();
    let mut compile = Command::new(rustc);
    compile.env("RUSTC_BOOTSTRAP", "1").args(way.split(' ')).arg("-o").arg(&program).arg(&source);
    let compiled = compile.output().is_ok_and(|output| output.status.success());
    compiled
        && Command::new(&program).output().is_ok_and(|output| {
            String::from_utf8_lossy(&output.stderr).contains("heap-use-after-free")
        })
}
