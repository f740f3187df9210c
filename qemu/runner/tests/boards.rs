//! The runner on every board, with guests that fail on purpose.

use runner::{
    board::Board,
    boot::{Options, Rig},
    guest::{Guest, Run, nowhere},
    outcome::Outcome,
    trials,
};
use std::{
    collections::BTreeMap,
    path::Path,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A generous limit: a boot takes a second, and a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(120);
/// For boots that end at the limit. The outcome does not depend on how far they come.
const SHORT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    trials::main(&[
        ("a_panic_is_reported_with_its_place", panic),
        ("an_exception_has_the_number_and_the_name_of_the_processor", exception),
        ("a_hang_ends_at_the_limit_and_leaves_no_qemu", hang),
        ("an_exit_without_the_last_report_is_no_success", silent_exit),
        ("a_property_of_the_machine_is_checked", wrong_property),
        ("an_unknown_test_is_a_bad_command_line", unknown_test),
        ("a_device_that_qemu_does_not_know_is_named", unknown_device),
    ])
}

/// The board's tests, built once.
fn rig(board: &'static Board) -> Rig {
    static RIGS: Mutex<BTreeMap<&str, Rig>> = Mutex::new(BTreeMap::new());
    let mut rigs = RIGS.lock().unwrap_or_else(PoisonError::into_inner);
    let set_up = || Rig::set_up("tests", board, Options::default()).expect("a firmware");
    rigs.entry(board.name).or_insert_with(set_up).clone()
}

fn boot(rig: &Rig, name: &str, limit: Duration) -> Run {
    let boot = rig.boot(format!("run name=planted::{name}"), limit);
    let guest = Guest::boot(&boot, nowhere()).expect("a guest that started");
    let qemu = format!("/proc/{}", guest.id());
    let run = guest.run(drop).expect("a guest that ended");
    assert!(!Path::new(&qemu).exists(), "QEMU is left behind");
    run
}

fn panic(board: &'static Board) {
    let run = boot(&rig(board), "panic", LIMIT);
    assert_eq!(run.outcome, Outcome::Panic);
    let error = run.success().unwrap_err().to_string();
    assert!(error.contains("panicked at") && error.contains(".rs:"), "{error}");
}

fn exception(board: &'static Board) {
    let (number, name) = match board.name {
        "pc" => (14, "page fault"),
        "ast1030" => (6, "UsageFault"),
        // It has no UsageFault.
        "microbit" => (3, "HardFault"),
        _ => (2, "illegal instruction"),
    };
    let run = boot(&rig(board), "fault", LIMIT);
    assert_eq!(run.outcome, Outcome::Exception { number });
    assert!(run.log_text().contains("0x"), "the address: {}", run.log_text());
    let error = run.success().unwrap_err().to_string();
    assert!(error.contains(&format!("CPU exception {number} ({name})")), "{error}");
}

fn hang(board: &'static Board) {
    let run = boot(&rig(board), "hang", SHORT);
    assert_eq!(run.outcome, Outcome::TimedOut { limit: SHORT });
}

fn silent_exit(board: &'static Board) {
    assert_eq!(boot(&rig(board), "silent_exit", LIMIT).outcome, Outcome::Incomplete);
}

fn wrong_property(board: &'static Board) {
    let rig = rig(board);
    let boot = rig.boot("run name=planted::wrong_property", LIMIT);
    let run = Guest::boot(&boot, nowhere()).expect("a guest that started").run(drop);
    let error = run.unwrap_err().to_string();
    assert!(error.contains("mem-merge of /machine is true, and the guest said false"), "{error}");
}

fn unknown_test(board: &'static Board) {
    assert_eq!(boot(&rig(board), "no_such_test", LIMIT).outcome, Outcome::BadCommandLine);
}

/// Its real QEMU, with a device of which it has never heard.
fn unknown_device(board: &'static Board) {
    let rig = rig(board);
    let folder = tempfile::tempdir().unwrap();
    let qemu = folder.path().join("qemu");
    let script = format!("#!/bin/sh\nexec {} \"$@\" -device flux-capacitor\n", rig.qemu.display());
    // A child writes it: a file that this process has open for writing cannot be executed.
    let write = r#"printf %s "$1" > "$2" && chmod +x "$2""#;
    let mut shell = std::process::Command::new("sh");
    assert!(shell.args(["-c", write, "sh", &script]).arg(&qemu).status().unwrap().success());
    let rig = Rig { qemu, ..rig };
    let guest = Guest::boot(&rig.boot("list", LIMIT), nowhere()).and_then(|guest| guest.run(drop));
    let error = guest.and_then(Run::success).unwrap_err().to_string();
    let name = format!("does not emulate the board {}", board.name);
    assert!(error.contains(&name) && error.contains("flux-capacitor"), "{error}");
}
