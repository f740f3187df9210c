//! The on-target tests, shown as `cargo test` shows tests: for each board one boot lists them, then each
//! runs in a boot of its own, on the PC with each interrupt controller.

use crate::{
    board::{Board, Device},
    boot::{Irq, Options, Rig},
    cargo, child,
    choice::Choice,
    echo::first_difference,
    error::{Error, Result},
    flash_image,
    guest::{Guest, Run, Sink, Transcript, nowhere},
    outcome::Outcome,
    report::{Report, Stream, Xorshift},
    setup::{self, Needs},
    spi_images::Images,
    trials::{self, Ignored},
    ui,
};
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use std::{
    collections::BTreeSet,
    io::{BufReader, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A test takes well below a second; a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(60);

/// The tests of one board.
struct Suite {
    rig: Rig,
    names: BTreeSet<String>,
}

impl Suite {
    /// Sets up what these boards need, builds the tests and lists them.
    fn all(boards: Vec<&'static Board>, options: &Options, choice: Choice) -> Result<Vec<Self>> {
        let tools = setup::tools(Needs::boot(&boards))?;
        let suite = |board| {
            let firmware =
                cargo::build_as(&tools.toolchain, board, "tests", cargo::RELEASE, choice)?;
            let rig = tools.clone().rig(board, firmware, options.clone());
            let names = list(&rig)?.names;
            Ok(Self { rig, names })
        };
        boards.into_iter().map(suite).collect()
    }
}

/// Runs the tests that `arguments` select, this many times. Returns whether all passed each time.
pub fn run(arguments: &Arguments, options: &Options, choice: Choice, rounds: u32) -> Result<bool> {
    run_suites(arguments, Suite::all(options.boards()?, options, choice)?, &[], rounds)
}

/// Runs the tests of all boards, as a part of `cargo test`. The tests of a board that needs what is not
/// installed, and that may not be installed here, are ignored, except in CI.
pub fn run_all(arguments: &Arguments) -> Result<bool> {
    let (boards, ignored) = trials::boards();
    let suites = Suite::all(boards, &Options::default(), Choice::Default)?;
    run_suites(arguments, suites, &ignored, 1)
}

fn run_suites(
    arguments: &Arguments,
    suites: Vec<Suite>,
    ignored: &[Ignored],
    rounds: u32,
) -> Result<bool> {
    let suites: Vec<_> = suites.into_iter().map(Arc::new).collect();
    let mut failures = Vec::new();
    for round in 1..=rounds {
        if rounds > 1 {
            ui::print(format_args!("round {round} of {rounds}"));
        }
        let failed = run_once(arguments, &suites, ignored)?;
        failures.extend(failed.into_iter().map(|name| (round, name)));
        child::check_interrupt()?;
    }
    if rounds > 1 {
        ui::print(verdict(rounds, &failures));
    }
    Ok(failures.is_empty())
}

/// Runs the tests once. Returns the names of those that failed.
fn run_once(
    arguments: &Arguments,
    suites: &[Arc<Suite>],
    ignored: &[Ignored],
) -> Result<BTreeSet<String>> {
    let executed = Arc::new(AtomicU64::new(0));
    let failed = Arc::new(Mutex::new(BTreeSet::new()));
    let mut trials = Vec::new();
    for board in ignored {
        let (executed, failed) = (executed.clone(), failed.clone());
        let (name, advice) = (board.name(), board.advice.clone());
        let trial = Trial::test(name.clone(), move || {
            executed.fetch_add(1, Ordering::Relaxed);
            failed.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
            Err(Failed::from(advice))
        });
        trials.push(trial.with_ignored_flag(true));
    }
    for suite in suites {
        let Suite { rig, names } = &**suite;
        let irqs = rig.options.irqs(rig.board);
        for (irq, name) in irqs.iter().flat_map(|&irq| names.iter().map(move |name| (irq, name))) {
            let (suite, name) = (suite.clone(), name.clone());
            let (executed, failed) = (executed.clone(), failed.clone());
            let irq_part = irq.map_or(String::new(), |irq| format!("{}::", irq.name()));
            let full_name = format!("{}::{irq_part}{name}", rig.board.name);
            trials.push(Trial::test(full_name.clone(), move || {
                let run = boot(&suite.rig, irq, &name).and_then(Run::success);
                executed.fetch_add(1, Ordering::Relaxed);
                run.map(drop).map_err(|error| {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).insert(full_name);
                    Failed::from(error)
                })
            }));
        }
    }
    let listed = trials.len() as u64;
    let conclusion = libtest_mimic::run(arguments, trials);
    if !arguments.list {
        account(listed, executed.load(Ordering::Relaxed), &conclusion)?;
    }
    let failed = std::mem::take(&mut *failed.lock().unwrap_or_else(PoisonError::into_inner));
    if failed.len() as u64 != conclusion.num_failed {
        let why = format!("{} have names, {} are counted", failed.len(), conclusion.num_failed);
        return Err(Error::run(
            "not every failure has a name",
            why,
            "report this as a defect of the runner",
        ));
    }
    Ok(failed)
}

/// The result of several rounds: each failure with its round.
fn verdict(rounds: u32, failures: &[(u32, String)]) -> String {
    if failures.is_empty() {
        return format!("{rounds} rounds, nothing failed");
    }
    let lines = failures.iter().map(|(round, name)| format!("\n  round {round}: {name}"));
    format!("{rounds} rounds, {} failures:{}", failures.len(), lines.collect::<String>())
}

/// Boots one test, and compares the bytes that it sends, and the files that it writes, with those that it
/// reports.
pub fn boot(rig: &Rig, irq: Option<Irq>, name: &str) -> Result<Run> {
    let mut boot = rig.boot(format!("run name={name}"), LIMIT);
    (boot.irq, boot.can) = (irq, rig.takes_can());
    let images = rig.takes_spi().then(Images::make).transpose()?;
    boot.spi = images.as_ref();
    let image = rig.board.has(Device::Flash).then(flash_image::temporary).transpose()?;
    boot.flash = image.as_ref().map(|image| image.path().into());
    let ports = [Transcript::default(), Transcript::default()];
    let (mut streams, mut files) = (Vec::new(), Vec::new());
    let guest = Guest::boot(&boot, ports.each_ref().map(|port| Box::new(port.clone()) as Sink))?;
    let run = guest.run(|report| match report {
        Report::Sends(stream) => streams.push(stream),
        Report::Wrote(file) => files.push(file),
        _ => {}
    })?;
    if run.outcome == Outcome::Complete {
        if let Some(images) = &images {
            files.iter().try_for_each(|file| images.check(file))?;
        }
        for stream in streams {
            compare(stream, &ports[stream.port as usize].bytes())?;
        }
    }
    Ok(run)
}

/// Checks that exactly the bytes of the stream came out of the port.
fn compare(Stream { port, bytes, seed }: Stream, sent: &[u8]) -> Result<()> {
    let stream = BufReader::new(Xorshift::new(seed).take(bytes));
    let Ok(None) = first_difference(stream, sent) else {
        let why = format!(
            "{port:?} had {} bytes, and they are not the {bytes} bytes of seed {seed:#x}",
            sent.len()
        );
        let advice = "the driver loses, repeats or adds bytes; run the test again with --verbose";
        return Err(Error::run("the guest sent other bytes than it reported", why, advice));
    };
    Ok(())
}

/// The tests of a firmware.
#[derive(Debug, Default)]
pub struct List {
    /// The tests that the board runs.
    pub names: BTreeSet<String>,
    /// Tests, or modules of tests, that it cannot run, and what it lacks for them.
    pub lacking: Vec<(String, String)>,
}

/// Boots the firmware for its list of tests.
pub fn list(rig: &Rig) -> Result<List> {
    let (mut names, mut lacking) = (Vec::new(), Vec::new());
    let mut boot = rig.boot("list", LIMIT);
    boot.can = rig.takes_can();
    let guest = Guest::boot(&boot, nowhere())?;
    let run = guest.run(|report| match report {
        Report::Test { name } => names.push(name),
        Report::Lacking { tests, why } => lacking.push((tests, why)),
        _ => {}
    })?;
    run.success()?;
    let count = names.len();
    let names = BTreeSet::from_iter(names);
    if names.is_empty() || names.len() != count {
        let why = format!("it lists {count} tests with {} different names", names.len());
        return Err(Error::run(
            "the firmware's list of tests is wrong",
            why,
            "give every test a name of its own",
        ));
    }
    Ok(List { names, lacking })
}

/// Checks that every listed test was executed once, or left out because the user did not select it.
fn account(listed: u64, executed: u64, conclusion: &Conclusion) -> Result<()> {
    let expected = listed - conclusion.num_filtered_out - conclusion.num_ignored;
    if executed == expected && conclusion.num_passed + conclusion.num_failed == expected {
        return Ok(());
    }
    let why = format!("{listed} are listed, {expected} were selected, {executed} were executed");
    Err(Error::run("not every test was executed", why, "report this as a defect of the runner"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_differs_is_found() {
        let stream = Stream { port: crate::report::Port::Com2, bytes: 3, seed: 1 };
        assert!(compare(stream, &[0x21, 0x01, 0xc5]).is_ok());
        for wrong in [&[][..], &[0x21, 0x01], &[0x21, 0x01, 0xc4], &[0x21, 0x01, 0xc5, 0]] {
            assert!(compare(stream, wrong).is_err());
        }
    }

    #[test]
    fn each_failure_is_listed_with_its_round() {
        assert_eq!(verdict(3, &[]), "3 rounds, nothing failed");
        let failures = [(1, "pc::pic::a".into()), (3, "virt::b".into())];
        let expected = "3 rounds, 2 failures:\n  round 1: pc::pic::a\n  round 3: virt::b";
        assert_eq!(verdict(3, &failures), expected);
    }

    #[test]
    fn every_listed_test_is_accounted_for() {
        let conclusion = Conclusion {
            num_filtered_out: 2,
            num_passed: 5,
            num_failed: 1,
            num_ignored: 0,
            num_measured: 0,
        };
        assert!(account(8, 6, &conclusion).is_ok());
        assert!(account(9, 6, &conclusion).is_err());
        assert!(account(8, 5, &conclusion).is_err());
    }
}
