//! The bounds: at most this many bytes of flash.

use super::{
    Opt::{self, S, Three},
    Row,
};
use crate::choice::Choice;

/// At most this many bytes of flash, on these targets.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    case: &'static str,
    targets: &'static [&'static str],
    opt: Opt,
    choice: Choice,
    pub most: u64,
}

pub const V7EM: &str = "thumbv7em-none-eabihf";
pub const V6M: &str = "thumbv6m-none-eabi";
const RV32IMAC: &str = "riscv32imac-unknown-none-elf";
const RV32IMC: &str = "riscv32imc-unknown-none-elf";

/// A bound is what holds, with little room. Less was wanted, and is not reached: a job in 850 and a callback
/// in 335 (a slot that was given up is owed a step, 72; a wake outside a handler, 84; a claim of the
/// handler's own, 60, which saves 20 instructions; a bound of steps, 40), six forms in 1600 and a second type in
/// 650 (the bounded wait is inlined into each type, 330), a wait for one core in 200, one on RISC-V in
/// 280, a bounded one in 170.
///
/// On a bus, an async driver may take 1.1 times what it takes by hand, both on one bus no more than by hand, and
/// a shared bus 2900 and 4500: so much is met. Not reached: a blocking driver in 1.5 times, 810 (what an
/// earlier transaction has left is settled first, and a try returns after each byte, 80; runs of several
/// operations, 50; the event, 40), and a second driver in 1.1 times, 316 and 690 (by hand the bus has no state, so the
/// compiler knows the driver's own values and moves nothing, 120; an error of the bus or of the call, 30).
pub const BOUNDS: &[Bound] = &[
    Bound::new("block_for", &[V7EM], Three, 180),
    Bound::new("await", &[V7EM, V6M], Three, 270),
    Bound { choice: Choice::SingleCore, ..Bound::new("await", &[V7EM, V6M], Three, 230) },
    Bound::new("await", &[RV32IMAC, RV32IMC], Three, 295),
    Bound::new("job", &[V7EM], Three, 1130),
    Bound::new("callback", &[V7EM], Three, 830),
    Bound::new("six_forms", &[V7EM], S, 2200),
    Bound::new("second_type", &[V7EM], S, 1520),
    Bound::new("channel", &[V7EM], Three, 450),
    Bound::new("channel", &[V6M, RV32IMAC, RV32IMC], Three, 510),
    Bound::new("i2c_blocking", &[V7EM], S, 1000),
    Bound::new("i2c_async", &[V7EM], S, 1636),
    Bound::new("i2c_async", &[V6M], S, 2354),
    Bound::new("i2c_both", &[V7EM], S, 1924),
    Bound::new("i2c_both", &[V6M], S, 3156),
    Bound::new("i2c_shared", &[V7EM], S, 2900),
    Bound::new("i2c_shared", &[V6M], S, 4500),
    Bound::new("i2c_second_driver", &[V7EM], S, 450),
    Bound::new("i2c_second_driver", &[V6M], S, 790),
];

impl Bound {
    /// For any number of cores.
    const fn new(
        case: &'static str,
        targets: &'static [&'static str],
        opt: Opt,
        most: u64,
    ) -> Self {
        Self { case, targets, opt, choice: Choice::Default, most }
    }

    /// The bound of a row. A case with several peers has the same figure beside each.
    pub fn of(row: &Row) -> Option<&'static Self> {
        BOUNDS.iter().find(|bound| {
            let Self { case, targets, opt, choice, .. } = **bound;
            row.case == case
                && targets.contains(&row.target)
                && (row.opt, row.choice) == (opt, choice)
        })
    }
}

/// The number of bounds, one for each of their targets, and those that are not met or not measured.
pub fn faults(rows: &[Row]) -> (usize, Vec<String>) {
    let mut faults = Vec::new();
    let mut bounds = 0;
    for &Bound { case, targets, opt, choice, most } in BOUNDS {
        for &target in targets {
            bounds += 1;
            let what = format!("{case}, {target}, {}, {}", opt.name(), choice.name());
            let is_bounded = |row: &&Row| {
                (row.case, row.target, row.opt, row.choice) == (case, target, opt, choice)
            };
            match rows.iter().find(is_bounded) {
                None => faults.push(format!("not measured: {what}")),
                Some(row) if row.ours <= most => {}
                Some(row) => faults.push(format!("not met: {what}: {} of {most}", row.ours)),
            }
        }
    }
    (bounds, faults)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::rows_of, *};
    use crate::{bench::size::cases::CASES, board::BOARDS};

    #[test]
    fn a_bound_is_for_a_target_a_level_and_a_choice() {
        let awaited = |flash| {
            let rows = rows_of(V7EM, flash);
            rows.into_iter().filter(|row| row.case == "await").collect::<Vec<_>>()
        };
        let (count, nothing) = faults(&[]);
        let all: usize = BOUNDS.iter().map(|bound| bound.targets.len()).sum();
        assert_eq!((count, nothing.len()), (all, all));
        let met = faults(&awaited(270)).1;
        assert!(met.iter().all(|fault| fault.starts_with("not measured")), "{met:?}");
        assert_eq!(met.len(), all - 1);
        let (_, not_met) = faults(&awaited(271));
        let expected = "not met: await, thumbv7em-none-eabihf, 3, default: 271 of 270";
        assert!(not_met.iter().any(|fault| fault == expected), "{not_met:?}");

        let mut single = awaited(230);
        single[0].choice = Choice::SingleCore;
        assert_eq!(Bound::of(&single[0]).map(|bound| bound.most), Some(230));
        single[0].opt = Opt::S;
        assert!(Bound::of(&single[0]).is_none());
    }

    /// A bound on a case or a target that is not there would never be measured.
    #[test]
    fn every_bound_names_a_case_of_its_targets_and_targets_of_boards() {
        for Bound { case, targets, .. } in BOUNDS {
            for target in *targets {
                assert!(CASES.iter().any(|known| known.name == *case), "{case}");
                assert!(
                    rows_of(target, 100).iter().any(|row| row.case == *case),
                    "{case}, {target}"
                );
                assert!(BOARDS.iter().any(|board| board.target == *target), "{target}");
            }
        }
    }
}
