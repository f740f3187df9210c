//! Builds the tests of `sweeps` for the address sanitizer and runs them; and a planted fault, which
//! the sanitizer must find.

use std::{
    path::Path,
    process::{Command, Output},
};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--package", "sanitized", "--test", "sweeps"])
        .args(["--target", env!("HOST"), "--target-dir"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("sanitizer"))
        .arg("--")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTC", env!("SANITIZER_RUSTC"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", env!("SANITIZER_FLAGS"))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // Runs that were given up keep their memory.
        .env("ASAN_OPTIONS", "detect_leaks=0")
        .output()
        .expect("cargo can be run")
}

#[test]
#[cfg_attr(
    no_sanitizer,
    ignore = "needs a compiler with the sanitizer's runtime, `rustup toolchain install stable`, or \
              `apt-get install rustc-web gcc`"
)]
fn nothing_is_used_after_it_was_freed_and_a_planted_double_drop_is_found() {
    let clean = run(&[]);
    let words = String::from_utf8_lossy(&clean.stdout).into_owned();
    let errors = String::from_utf8_lossy(&clean.stderr);
    assert!(clean.status.success(), "{words}{errors}");
    println!("{}", words.trim());

    let twin = run(&["--ignored", "--exact", "planted_double_drop"]);
    let errors = String::from_utf8_lossy(&twin.stderr);
    let found = ["attempting double-free", "heap-use-after-free"];
    let found = found.into_iter().find(|found| errors.contains(found));
    assert!(!twin.status.success() && found.is_some(), "the twin was not found: {errors}");
    println!("twin caught: {}", found.unwrap());
}
