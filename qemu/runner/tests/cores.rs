//! Two cores at the same time (`-smp 2`; QEMU runs each core in a thread of its own): jobs that end on
//! the other core, sleeping cores woken by IPI, contention that is counted; and twins with one mistake
//! each, which are found.

use runner::{
    board::PC,
    boot::{Options, Rig},
    cargo,
    choice::Choice,
    guest::{Guest, Run, Transcript, nowhere},
    outcome::Outcome,
    report::Report,
    setup::{self, Needs},
    toolchain::TARGET,
};
use std::{
    collections::BTreeMap,
    io,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

/// The firmware, built once.
static RIG: LazyLock<Rig> =
    LazyLock::new(|| Rig::set_up("cores", PC, Options::default()).expect("a firmware"));

/// A generous limit for the longest command, also on a busy host.
const LIMIT: Duration = Duration::from_secs(240);

/// How the two cores run.
#[derive(Clone, Copy, PartialEq)]
enum Time {
    /// At the same time, each at its own speed.
    Parallel,
    /// In turns, by the count of their instructions.
    Exact,
}

/// What a guest counted.
type Counts = BTreeMap<String, u64>;

/// Boots `command` on two cores. Returns how it ended, what was counted, and the output of the first
/// serial port.
fn boot(command: &str, time: Time) -> (Run, Counts, Vec<u8>) {
    /// Only one guest with two cores runs at a time, so that both cores get a host's core.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);

    let mut boot = RIG.boot(command, LIMIT);
    (boot.cores, boot.exact) = (2, time == Time::Exact);
    let mut counts = Counts::new();
    let com1 = Transcript::default();
    let guest = Guest::boot(&boot, [Box::new(com1.clone()), Box::new(io::sink())]);
    let run = guest.expect("a guest").run(|report| {
        if let Report::Count { what, count } = report {
            counts.insert(what, count);
        }
    });
    (run.expect("a guest that started"), counts, com1.bytes())
}

/// As [`boot`]. The guest must reach its end by itself.
fn complete(command: &str, time: Time) -> (Counts, Vec<u8>) {
    let (run, counts, com1) = boot(command, time);
    let run = run.success().unwrap_or_else(|error| panic!("{error}"));
    println!("{command}, {:.1} s: {counts:?}", run.time.as_secs_f32());
    (counts, com1)
}

/// In turns, and in parallel. The guest checks the same in both; how often the cores meet counts only
/// in parallel.
fn both_ways(command: &str, met: &[&str]) -> Counts {
    complete(command, Time::Exact);
    in_parallel(command, met)
}

/// In parallel, repeated until each of the events in `met` was counted: the host's timing decides how
/// soon the cores meet. If they never do, the test shows nothing, so it fails.
fn in_parallel(command: &str, met: &[&str]) -> Counts {
    const PATIENCE: usize = 30;
    let mut missing = met.to_vec();
    for _ in 0..PATIENCE {
        let (counts, _) = complete(command, Time::Parallel);
        missing.retain(|what| counts[*what] == 0);
        if missing.is_empty() {
            return counts;
        }
    }
    panic!("{command}: never met in {PATIENCE} boots: {missing:?}")
}

/// Rounds in turns, and in parallel. In parallel both cores sleep between the rounds, and the host's
/// timing decides when they wake.
const ROUNDS: [u64; 2] = [20_000, 4000];

/// A job that the first core starts `rounds` times and waits for in this form, in parallel and in
/// turns. Returns the counts in turns, which repeat.
fn started_on_the_first_core(form: &str, met: &[&str]) -> Counts {
    let [exact, parallel] = ROUNDS;
    let counts = in_parallel(&format!("{form} rounds={parallel}"), met);
    assert_eq!(counts["jobs"], parallel);
    let (counts, _) = complete(&format!("{form} rounds={exact}"), Time::Exact);
    assert_eq!(counts["jobs"], exact);
    counts
}

#[test]
fn a_job_ends_by_a_handler_on_the_other_core_and_the_ipi_wakes_the_waiter() {
    for form in ["wait", "await"] {
        let met = ["completed by the handler", "wakes by IPI"];
        let counts = started_on_the_first_core(form, &met);
        assert!(met.iter().all(|what| counts[*what] > ROUNDS[0] / 10), "{counts:?}");
    }
}

#[test]
fn callbacks_run_on_the_other_core() {
    started_on_the_first_core("callback", &["wakes by IPI"]);
}

#[test]
fn drivers_written_for_one_core_work_on_two() {
    for time in [Time::Exact, Time::Parallel] {
        let (counts, _) = complete("dma", time);
        assert_eq!(counts["jobs"], 10);
        // A transfer takes 100 ms: of the guest's time, or of the host's.
        assert!(time == Time::Parallel || counts["wakes by IPI"] >= 10, "{counts:?}");
    }

    for time in [Time::Exact, Time::Parallel] {
        let (counts, sent) = complete("uart", time);
        let lines = (0..400).map(|line| [vec![b'a' + (line % 26) as u8; 63], vec![b'\n']].concat());
        assert!(sent == lines.collect::<Vec<_>>().concat(), "every line, whole and in order");
        assert_eq!(counts["jobs"], 400);
    }
}

#[test]
fn both_cores_step_one_slot_and_nothing_is_lost() {
    both_ways("steps", &["contended", "tries for a note", "starts refused"]);
    both_ways("ends", &["ended", "cancelled", "given up", "contended", "starts refused"]);
}

#[test]
fn a_waiter_that_meets_its_signaller_is_woken() {
    both_ways("registration", &["registrations that met a reader"]);
}

#[test]
fn shared_values_and_queues_hold_between_the_cores() {
    let counts = both_ways("mutex", &["met it held"]);
    assert!(counts["additions"] >= 10_000, "{counts:?}");
    assert_eq!(both_ways("channel", &[])["values"], 5000);
    assert_eq!(both_ways("shared_channel", &[])["values"], 200_000);
}

#[test]
fn requests_are_completed_by_ticket_on_the_other_core() {
    let met =
        ["completed by the other core", "refused because all slots had a tenant", "stale tickets"];
    assert_eq!(both_ways("slots", &met)["requests"], 100_000);
}

#[test]
fn twins_with_a_mistake_are_found() {
    for twin in ["twin_no_ipi", "twin_early_ipi"] {
        in_parallel(twin, &["lost wakes"]);
    }
    // The critical section of one core does not keep out the other one.
    in_parallel("twin_one_core_section", &["lost additions"]);
}

/// Failures end the run in the same way, and with the same messages, as on the first core.
#[test]
fn a_failure_on_the_second_core_ends_the_run() {
    let stack_overflow = Outcome::Exception { number: 8 };
    let page_fault = Outcome::Exception { number: 14 };
    for (command, outcome, message) in [
        ("fails_by_panic", Outcome::Panic, "planted on the second core"),
        ("fails_by_page_fault", page_fault.clone(), "page fault at 0x10000000000"),
        ("fails_by_stack_overflow", stack_overflow, "stack overflow"),
        ("fails_by_stray_interrupt", Outcome::UnexpectedInterrupt, "vector 0x30"),
        ("fails_inside_a_section", Outcome::Panic, "planted on the second core"),
        ("fails_while_logging", page_fault, "page fault at 0x10000000000"),
    ] {
        let (run, ..) = boot(command, Time::Parallel);
        assert_eq!(run.outcome, outcome, "{command}");
        assert!(run.log_text().contains(message), "{command}: {}", run.log_text());
    }
}

#[test]
fn a_binary_with_the_section_of_one_core_does_not_link() {
    let toolchain = setup::tools(Needs::BOOT).expect("a toolchain").toolchain;
    let mut build = cargo::command(&toolchain, &runner::project().join("qemu"), "build");
    build.args(["--release", "--package", "cores", "--target", TARGET]);
    build.args(["--features", "firmware/one-core"]);
    let output = build.output().expect("cargo runs");
    let messages = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "it links");
    assert!(messages.contains("multiple definition of `_critical_section_1_0_acquire'"));
}

#[test]
fn a_binary_that_assumes_one_core_does_not_compile() {
    let toolchain = setup::tools(Needs::BOOT).expect("a toolchain").toolchain;
    let mut build = cargo::firmware(&toolchain, PC, "cores", cargo::RELEASE, Choice::SingleCore);
    let output = build.output().expect("cargo runs");
    let messages = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "it compiles");
    assert!(messages.contains("a binary of two cores cannot assume one"), "{messages}");
}

#[test]
fn a_machine_with_one_core_says_so() {
    let mut boot = RIG.boot("wait", LIMIT);
    boot.exact = false; // It waits some seconds for a second core.
    let guest = Guest::boot(&boot, nowhere());
    let run = guest.expect("a guest").run(drop).expect("a guest that started");
    assert_eq!(run.outcome, Outcome::BadCommandLine);
    assert!(run.log_text().contains("-smp 2"), "{}", run.log_text());
}
