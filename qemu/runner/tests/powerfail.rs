//! QEMU is killed at random moments while the guest appends, while it recovers and while it creates the
//! log: no acknowledged record is lost, none is torn, none is invented. A guest that acknowledges
//! before it writes is found.

use runner::{
    boot::Options,
    powerfail::{Plan, Tally},
};
use std::process::{Command, Output};

const ROUNDS: u32 = 50;
/// The twin needs fewer: more than half of the kills find its mistake.
const TWIN_ROUNDS: u32 = 20;

fn tally(rounds: u32, early: bool, seed: u64) -> Tally {
    let plan = Plan { rounds, seed, early };
    let tally = Tally::of(plan, Options::default()).expect("rounds that come to their end");
    tally.lines().for_each(|line| println!("{line}"));
    assert_eq!(tally.acknowledged.len(), rounds as usize);
    tally
}

#[test]
fn nothing_acknowledged_is_lost() {
    /// The host's timing decides when the kills come. The test repeats until there were kills in all
    /// phases, and not always at the beginning of one.
    const PATIENCE: u64 = 10;
    let (mut recovering, mut cleared, mut appending) = (false, false, false);
    for seed in 0..PATIENCE {
        let tally = tally(ROUNDS, false, 0x5eed + seed);
        assert!(tally.holds());
        recovering |= tally.while_recovering > 0;
        cleared |= tally.cleared > 0;
        appending |= tally.acknowledged.iter().any(|&count| count > 0);
        if recovering && cleared && appending {
            return;
        }
    }
    panic!("a phase was never met: {recovering}, {cleared}, {appending}");
}

#[test]
fn a_guest_that_acknowledges_before_it_writes_is_found() {
    let tally = tally(TWIN_ROUNDS, true, 0x5eed);
    assert!(!tally.holds() && tally.wrong.lost > 0);
    // Its only fault is that records are lost.
    assert_eq!((tally.wrong.torn, tally.disagreed), (0, 0));
}

fn powerfail(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_runner"))
        .arg("powerfail")
        .args(arguments)
        .output()
        .expect("the runner")
}

#[test]
fn bad_input_is_explained() {
    for (arguments, says) in [
        (&["--rounds", "0"][..], "--rounds"),
        (&["--rounds", "x"], "--rounds"),
        (&["--machine", "microvm"], "there is no NVDIMM"),
    ] {
        let output = powerfail(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
    }
}
