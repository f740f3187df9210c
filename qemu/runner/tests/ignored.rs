//! Tests of a board that cannot be booted here, and for which nothing may be installed, are ignored,
//! and say how to install what is missing. In CI they fail.
//!
//! The program runs itself a second time, as a user without QEMU.

use libtest_mimic::{Arguments, Trial};
use nix::unistd::geteuid;
use runner::{
    board::BOARDS,
    setup::{self, Needs},
    trials,
};
use std::{
    env, fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, ExitCode, Output},
};

const SECOND_TIME: &str = "RUNNER_TESTS_WITHOUT_QEMU";

fn main() -> ExitCode {
    if env::var_os(SECOND_TIME).is_some() {
        return trials::main(&[("boots", |board| {
            setup::tools(Needs::boot(&[board])).expect("the tools");
        })]);
    }
    let test = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    let trials = vec![
        test("without_its_qemu_a_board_is_ignored_and_says_how_to_install_it", ignored),
        test("in_ci_a_board_without_its_qemu_fails", failed),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs this program as a user that is not root and has no program in `PATH`.
fn without_qemu(ci: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("tests");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    command.env(SECOND_TIME, "yes").env("PATH", "").env("CI", ci).current_dir("/");
    if geteuid().is_root() {
        command.uid(65534);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

fn ignored() {
    let (output, text) = without_qemu("false");
    assert!(output.status.success(), "{text}");
    for board in &BOARDS {
        let line = text.lines().find(|line| line.contains(&format!("test {} (", board.name)));
        let line = line.unwrap_or_else(|| panic!("{} has no line: {text}", board.name));
        assert!(line.ends_with("ignored") && line.contains(board.qemu.package), "{line}");
    }
}

fn failed() {
    let (output, text) = without_qemu("true");
    assert!(!output.status.success(), "{text}");
    assert!(!text.contains("ignored\n"), "{text}");
    assert!(BOARDS.iter().all(|board| text.contains(&format!("test {}::boots", board.name))));
}
