//! A firmware outside the repository uses a board as a dependency: a copy of `qemu/template` builds
//! with the flags in its own files, boots, prints its line and ends with the board's success. A copy
//! that installs no handler for its interrupt does not.

use runner::{
    board::PC,
    cargo::target_folder,
    project,
    setup::{self, Needs, Tools},
    toolchain::{TARGET, Toolchain},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// QEMU's exit code for the board's success.
const SUCCESS: i32 = 33;
/// QEMU's exit code for an interrupt without a handler.
const NO_HANDLER: i32 = 39;
/// Ample for a boot, on a host that has other things to do.
const LIMIT: Duration = Duration::from_secs(120);

/// Copies the template to `folder`, and corrects the paths as its README says.
fn copy_to(folder: &Path) {
    let template = project().join("qemu/template");
    for name in ["Cargo.toml", ".cargo/config.toml", "src/main.rs"] {
        let to = folder.join(name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(template.join(name), to).expect(name);
    }
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let path = |to: &str| format!("path = \"{}\"", project().join(to).display());
    let corrected = text
        .replace("path = \"../boards\"", &path("qemu/boards"))
        .replace("path = \"../..\"", &path(""));
    assert!(!corrected.contains("\"../"), "a path is not corrected: {corrected}");
    fs::write(manifest, corrected).expect("a manifest");
    // The versions that the cache has, so that no network is needed.
    fs::copy(project().join("qemu/Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
}

/// Builds in `folder` with nothing but its own files and the toolchain; returns the linked file.
fn build(toolchain: &Toolchain, folder: &Path) -> PathBuf {
    let target = target_folder().join("outside");
    let output = toolchain
        .command("cargo")
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &target)
        .args(["build", "--release", "--quiet"])
        .args(toolchain.arguments())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join(TARGET).join("release/hello")
}

/// Boots with the command in the template's `.cargo/config.toml`.
fn boot(qemu: &Path, folder: &Path, elf: &Path) -> Output {
    let config = fs::read_to_string(folder.join(".cargo/config.toml")).expect("a file");
    let (_, runner) = config.split_once("runner = [").expect("a runner");
    let (runner, _) = runner.split_once(']').expect("a list");
    let words: Vec<_> = runner.split('"').skip(1).step_by(2).collect();
    assert_eq!(words[0], PC.qemu.name);
    let mut guest = Command::new(qemu)
        .args(&words[1..])
        .arg(elf)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("QEMU runs");
    let start = Instant::now();
    while guest.try_wait().expect("a guest").is_none() {
        if start.elapsed() > LIMIT {
            guest.kill().expect("a guest");
        }
        thread::sleep(Duration::from_millis(20));
    }
    guest.wait_with_output().expect("its output")
}

#[test]
fn a_copy_of_the_template_builds_and_boots() {
    let tools = setup::tools(Needs::BOOT).expect("the tools");
    let qemu = Tools::qemu(PC);
    let folder = tempfile::tempdir().expect("a folder");
    assert!(!folder.path().starts_with(project()), "outside the repository");
    copy_to(folder.path());
    let elf = build(&tools.toolchain, folder.path());
    let output = boot(&qemu, folder.path(), &elf);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.trim_end(), "asleep until the timer's interrupt: 1");
    assert_eq!(output.status.code(), Some(SUCCESS), "{}", String::from_utf8_lossy(&output.stderr));

    let main = folder.path().join("src/main.rs");
    let text = fs::read_to_string(&main).expect("a program");
    let without = text.replace("    Line::Timer.set_handler(on_timer);\n", "    _ = on_timer;\n");
    assert_ne!(text, without, "the template installs a handler");
    fs::write(main, without).expect("a program");
    let elf = build(&tools.toolchain, folder.path());
    let output = boot(&qemu, folder.path(), &elf);
    assert!(output.stdout.is_empty(), "nothing is counted");
    assert_eq!(output.status.code(), Some(NO_HANDLER));
}
