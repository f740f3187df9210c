//! The runner itself, with guests that fail on purpose, with a QEMU that fails, and with bad input.

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use runner::{
    board::{BOARDS, PC},
    boot::{Irq, Options, Rig},
    guest::{Guest, Run, nowhere},
    outcome::Outcome,
};
use std::{
    fs,
    io::Read,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The firmware with the planted failures, built once.
static RIG: LazyLock<Rig> =
    LazyLock::new(|| Rig::set_up("tests", PC, Options::default()).expect("a firmware"));

/// A generous limit: a boot takes a second, and a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(120);
/// For boots that end at the limit. The outcome does not depend on how far they come.
const SHORT: Duration = Duration::from_secs(5);

fn boot(rig: &Rig, command: &str) -> runner::error::Result<Run> {
    boot_within(rig, command, LIMIT)
}

fn boot_within(rig: &Rig, command: &str, limit: Duration) -> runner::error::Result<Run> {
    let boot = rig.boot(command, limit);
    let guest = Guest::boot(&boot, nowhere())?;
    let qemu = guest.id();
    let run = guest.run(drop)?;
    assert!(!alive(qemu), "QEMU is left behind");
    Ok(run)
}

fn planted(name: &str) -> Run {
    boot(&RIG, &format!("run name=planted::{name}")).expect("a guest that started")
}

/// Whether this process runs. A zombie does not count.
fn alive(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_panic_is_reported_with_its_place() {
    let run = planted("panic");
    assert_eq!(run.outcome, Outcome::Panic);
    assert!(run.log_text().contains("panicked at"), "{}", run.log_text());
    let error = run.success().unwrap_err().to_string();
    assert!(error.contains("the guest panicked") && error.contains(".rs:"), "{error}");
}

#[test]
fn a_hang_ends_at_the_limit_and_keeps_the_log() {
    // It logs, and then hangs. The host's timing decides only how far it comes within the limit.
    let mut limit = SHORT;
    let run = loop {
        let run = boot_within(&RIG, "run name=planted::hang", limit).expect("a guest that started");
        assert_eq!(run.outcome, Outcome::TimedOut { limit });
        if !run.log.is_empty() || limit > LIMIT {
            break run;
        }
        limit *= 2;
    };
    assert!(!run.log.is_empty());
}

#[test]
fn a_triple_fault_is_no_success() {
    let run = planted("triple_fault");
    assert_eq!(run.outcome, Outcome::Reset);
    let error = run.success().unwrap_err().to_string();
    assert!(error.contains("triple fault"), "{error}");
}

#[test]
fn an_exception_is_reported_with_vector_and_address() {
    let run = planted("page_fault");
    assert_eq!(run.outcome, Outcome::Exception { number: 14 });
    assert!(run.log_text().contains("0x"), "{}", run.log_text());
}

#[test]
fn a_stack_that_overflows_is_found() {
    assert_eq!(planted("stack_overflow").outcome, Outcome::Exception { number: 8 });
}

#[test]
fn an_interrupt_without_a_handler_is_found() {
    assert_eq!(planted("stray_interrupt").outcome, Outcome::UnexpectedInterrupt);
}

#[test]
fn an_exit_without_the_last_report_is_no_success() {
    let run = planted("silent_exit");
    assert_eq!(run.outcome, Outcome::Incomplete);
}

#[test]
fn an_unknown_test_is_a_bad_command_line() {
    assert_eq!(planted("no_such_test").outcome, Outcome::BadCommandLine);
}

#[test]
fn planted_failures_are_not_listed() {
    let mut names = Vec::new();
    let boot = RIG.boot("list", LIMIT);
    let guest = Guest::boot(&boot, nowhere()).unwrap();
    let run = guest.run(|report| {
        names.extend(
            matches!(&report, runner::report::Report::Test { .. }).then(|| format!("{report:?}")),
        )
    });
    assert_eq!(run.unwrap().outcome, Outcome::Complete);
    assert!(!names.is_empty() && names.iter().all(|name| !name.contains("planted")), "{names:?}");
}

#[test]
fn each_listed_failure_names_its_test() {
    let run = runner::on_target::boot(&RIG, Some(Irq::Pic), "planted::panic").unwrap();
    let error = run.success().unwrap_err().to_string();
    assert!(error.contains("irq=pic") && error.contains("planted::panic"), "{error}");
}

#[test]
fn a_test_fails_if_the_guest_sends_other_bytes_than_it_reports() {
    let error = runner::on_target::boot(&RIG, Some(Irq::Pic), "planted::wrong_bytes").unwrap_err();
    assert!(error.to_string().contains("Com2 had 1 bytes"), "{error}");
}

#[test]
fn a_dropped_guest_leaves_no_qemu() {
    let boot = RIG.boot("run name=planted::hang", LIMIT);
    let guest = Guest::boot(&boot, nowhere()).unwrap();
    let qemu = guest.id();
    assert!(alive(qemu));
    drop(guest);
    assert!(!alive(qemu));
}

#[test]
fn the_error_quotes_a_qemu_that_ends_at_once() {
    let (_folder, qemu) = script("echo it is too hot >&2; exit 3", "qemu");
    let error = boot(&Rig { qemu, ..RIG.clone() }, "list").unwrap_err().to_string();
    assert!(
        error.contains("QEMU failed")
            && error.contains("code 3")
            && error.contains("it is too hot"),
        "{error}"
    );
}

#[test]
fn a_qemu_that_never_connects_ends_at_the_limit() {
    let (_folder, qemu) = script("exec sleep 1000", "qemu");
    let error = boot_within(&Rig { qemu, ..RIG.clone() }, "list", SHORT).unwrap_err().to_string();
    assert!(error.contains("no connection within the time limit"), "{error}");
}

#[test]
fn the_error_names_a_qemu_that_is_no_program() {
    let rig = Rig { qemu: "/nowhere/qemu".into(), ..RIG.clone() };
    let error = boot(&rig, "list").unwrap_err().to_string();
    assert!(error.contains("cannot start QEMU") && error.contains("/nowhere/qemu"), "{error}");
}

#[test]
fn qemu_refuses_an_unknown_cpu() {
    let mut rig = RIG.clone();
    rig.options.cpu = Some("pdp11".into());
    let error = boot(&rig, "list").and_then(Run::success).unwrap_err().to_string();
    assert!(error.contains("QEMU failed") && error.contains("pdp11"), "{error}");
}

/// A shell script under the name of a program.
fn script(body: &str, name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    // A child writes it: a file that this process has open for writing cannot be executed.
    let script = r#"printf '#!/bin/sh\n%s\n' "$1" > "$2" && chmod +x "$2""#;
    assert!(
        Command::new("sh").args(["-c", script, "sh", body]).arg(&path).status().unwrap().success()
    );
    (folder, path)
}

fn runner() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.stdin(Stdio::null());
    command
}

/// Runs the program to its end and expects an exit code and a word on stderr.
fn ends(command: &mut Command, code: i32, word: &str) -> Output {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(word), "{stderr}");
    output
}

#[test]
fn bad_words_are_refused_with_exit_code_2() {
    ends(runner().args(["--machine", "pdp11"]), 2, "q35");
    ends(runner().args(["--irq", "nmi"]), 2, "apic");
    ends(runner().arg("dance"), 2, "dance");
    ends(runner().args(["test", "--repeat", "0"]), 2, "0 is not in 1..");
    let echo = ["echo", "--input", "a", "--output", "b", "--form", "eventually"];
    ends(runner().args(echo), 2, "nonblocking");
}

/// Each is refused before anything is set up or built.
#[test]
fn a_board_that_cannot_be_meant_is_refused() {
    let refused = |words: &str, why: &str| drop(ends(runner().args(words.split(' ')), 2, why));
    refused(
        "--board pdp11",
        "[possible values: pc, ast1030, virt, virt-imc, sifive_u, microbit, all]",
    );
    refused("test --board pc --board virt", "cannot be used multiple times");
    refused("--board virt --irq pic", "--irq is only for the board pc");
    refused("sweep --board all --machine pc", "--machine is only for the board pc");
    refused("soak --board microbit --cpu max", "--cpu is only for the board pc");
    refused("powerfail --board virt", "`powerfail` does not run on the board virt");
    refused("check --board virt", "`check` has no --board");
    let echo = "echo --input a --output b --form await --board";
    refused(&format!("{echo} all"), "`echo` runs on one board");
    refused(&format!("{echo} microbit"), "no serial port with a 16550");
}

#[test]
fn the_list_of_boards_needs_no_set_up() {
    let output = ends(runner().arg("boards").env("PATH", ""), 0, "");
    let list = String::from_utf8(output.stdout).unwrap();
    for board in &BOARDS {
        let (_, of_board) = list.split_once(&format!("\n{}: {}\n", board.name, board.cpu)).unwrap();
        let of_board = of_board.split_once("\n\n").map_or(of_board, |(of_board, _)| of_board);
        for word in [board.target, "devices  timer", &format!("{} in PATH", board.qemu.name)] {
            assert!(of_board.contains(word), "{word}: {list}");
        }
    }
}

/// The program of a board's QEMU, replaced by one that says what a QEMU of another release says.
#[test]
fn a_qemu_that_does_not_know_the_machine_is_named() {
    let text = "qemu-system-x86_64: unsupported machine type";
    let (_folder, qemu) = script(&format!("echo {text} >&2; exit 1"), "qemu");
    let error = boot(&Rig { qemu, ..RIG.clone() }, "list").unwrap_err().to_string();
    assert!(error.contains("does not emulate the board pc") && error.contains(text), "{error}");
}

#[test]
fn bad_files_are_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let echo = |input: &str, output: &str, word: &str| {
        let mut command = runner();
        command.current_dir(&folder).args(["echo", "--form", "await"]);
        ends(command.args(["--input", input, "--output", output]), 2, word);
    };
    fs::write(folder.path().join("input"), "some bytes").unwrap();
    echo("missing", "output", "cannot read missing");
    echo("/dev/null", "output", "not a regular file");
    echo("input", ".", "it is a folder");
    echo("input", "no such folder/output", "cannot write");
    ends(
        runner().current_dir(&folder).args(["tour", "--json", "no such folder/rows"]),
        2,
        "cannot write",
    );
    ends(
        runner().current_dir(&folder).args(["tour", "--html", "no such folder/page"]),
        2,
        "cannot write",
    );
    let left: Vec<_> = folder.path().read_dir().unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

/// Only root installs. The error tells other users the command.
#[test]
fn without_qemu_and_root_the_error_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("runner");
    fs::copy(env!("CARGO_BIN_EXE_runner"), &program).unwrap();
    let mut command = Command::new(&program);
    command.env("PATH", "").current_dir("/");
    if geteuid().is_root() {
        command.uid(65534);
    }
    let output = ends(command.stdin(Stdio::null()), 2, "qemu-system-x86_64 in PATH");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("what to do: "), "{message}");
    // The default board needs nothing of the others.
    assert!(BOARDS.iter().all(|board| board.is_pc() || !message.contains(board.qemu.name)));

    let output = ends(command.args(["tour", "--board", "all"]), 2, "what to do: ");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(BOARDS.iter().all(|board| message.contains(board.qemu.name)), "{message}");
}

#[test]
fn a_file_comes_back_whole_in_each_form() {
    let folder = tempfile::tempdir().unwrap();
    let sent: Vec<u8> = (0..3000_u32).map(|n| n.to_le_bytes()[usize::from(n >= 256)]).collect();
    for (sent, form) in [
        (&sent[..], "blocking"),
        (&sent, "nonblocking"),
        (&sent, "async"),
        (&sent, "await"),
        (&[], "await"),
    ] {
        fs::write(folder.path().join("input"), sent).unwrap();
        let mut echo = runner();
        echo.current_dir(&folder).args(["echo", "--input", "input", "--output", "output"]);
        ends(echo.args(["--form", form]), 0, "");
        assert!(fs::read(folder.path().join("output")).unwrap() == sent, "{form}");
    }
}

#[test]
fn a_tour_cut_short_fails_and_writes_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    // The guest is never started (`-S`), so that no host is fast enough for the limit.
    let real = RIG.qemu.display();
    let (programs, _) = script(&format!(r#"exec {real} -S "$@""#), "qemu-system-x86_64");
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    let mut tour = runner();
    tour.current_dir(&folder).env("PATH", path);
    ends(tour.args(["tour", "--json", "rows", "--timeout", "3"]), 1, "the guest hangs");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// Two tours: all rows that do not depend on the host are the same in both.
#[test]
fn figures_repeat_to_the_digit_in_rows_without_host_input() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|file| -> Vec<serde_json::Value> {
        ends(runner().current_dir(&folder).args(["tour", "--json", file]), 0, "");
        serde_json::from_slice(&fs::read(folder.path().join(file)).unwrap()).unwrap()
    });
    assert_eq!(first.len(), second.len());
    let host_decides = |row: &serde_json::Value| row["host_input"] == true;
    for (first, second) in first.iter().zip(&second) {
        assert!(host_decides(first) || first == second, "{first} and {second}");
    }
    // The rows for which the host sends bytes, and the one that reads the disk.
    let names: Vec<_> =
        first.iter().filter(|row| host_decides(row)).map(|row| &row["row"]).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.iter().any(|name| name.as_str().unwrap().contains("disk reads")), "{names:?}");
}

/// An echo that takes long, and its QEMU.
struct LongEcho {
    folder: TempDir,
    runner: Child,
    qemu: u32,
}

impl LongEcho {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("input"), vec![0x55; 64 << 20]).unwrap();
        let mut runner = runner()
            .args(["echo", "--form", "blocking", "--input", "input", "--output", "output"])
            .current_dir(&folder)
            .env("TMPDIR", folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(600);
        let qemu = loop {
            if let Some(qemu) = qemu_of(runner.id()) {
                break qemu;
            }
            if runner.try_wait().unwrap().is_some() || Instant::now() > deadline {
                let mut stderr = String::new();
                runner.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
                panic!("the echo does not start: {stderr}");
            }
            sleep(Duration::from_millis(20));
        };
        Self { folder, runner, qemu }
    }

    /// Sends the runner a signal, asserts that QEMU ends and no output file appears, and returns the
    /// exit code and the folder.
    fn end_by(mut self, signal: Signal) -> (Option<i32>, TempDir) {
        kill(Pid::from_raw(self.runner.id().cast_signed()), signal).unwrap();
        let code = self.runner.wait().unwrap().code();
        let deadline = Instant::now() + LIMIT;
        while alive(self.qemu) {
            assert!(Instant::now() < deadline, "QEMU is left behind");
            sleep(Duration::from_millis(5));
        }
        assert!(!self.folder.path().join("output").exists(), "a part of the output is kept");
        (code, self.folder)
    }
}

/// The QEMU among the children of a process.
fn qemu_of(parent: u32) -> Option<u32> {
    Path::new("/proc").read_dir().unwrap().flatten().find_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (program, rest) = stat.rsplit_once(") ")?;
        let is_child = rest.split(' ').nth(1)? == parent.to_string();
        let id = entry.file_name().to_str()?.parse().ok()?;
        (is_child && program.contains("(qemu")).then_some(id)
    })
}

#[test]
fn an_interrupted_runner_leaves_nothing() {
    let echo = LongEcho::begin();
    let (code, folder) = echo.end_by(Signal::SIGINT);
    assert_eq!(code, Some(130));
    let left: Vec<_> =
        folder.path().read_dir().unwrap().flatten().map(|file| file.file_name()).collect();
    assert_eq!(left, ["input"]);
}

/// A QEMU whose guest hangs can ignore SIGTERM.
#[test]
fn an_interrupted_runner_kills_a_qemu_that_does_not_end_by_itself() {
    let (folder, _) = script("trap '' TERM; while :; do sleep 1; done", "qemu-system-x86_64");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut runner = runner();
    let mut runner = runner.arg("tour").env("PATH", path).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(600);
    let qemu = loop {
        if let Some(qemu) = qemu_of(runner.id()) {
            break qemu;
        }
        assert!(runner.try_wait().unwrap().is_none() && Instant::now() < deadline, "no QEMU");
        sleep(Duration::from_millis(20));
    };
    // By then it ignores SIGTERM.
    sleep(Duration::from_millis(500));
    kill(Pid::from_raw(runner.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(runner.wait().unwrap().code(), Some(130));
    assert!(!alive(qemu));
}

#[test]
fn a_killed_runner_leaves_no_qemu() {
    let (code, _) = LongEcho::begin().end_by(Signal::SIGKILL);
    assert_eq!(code, None);
}
