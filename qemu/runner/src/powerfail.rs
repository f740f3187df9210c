//! `powerfail`: the guest appends to the log in its NVDIMM at full speed and acknowledges what is
//! persistent. QEMU is killed at a random moment. The next boot recovers the log, and so does the
//! host. Every acknowledged record must be there, complete, and no record that was never begun. In
//! some rounds the power fails earlier, while the log is recovered or created.
//!
//! What this shows: a killed QEMU leaves every store that the guest has executed, in order, so the
//! log's own protocol (records, sequence, full log, recovery, interrupted recovery) is tested end to
//! end, on a file that outlives the machine. What it does not show: QEMU models no cache, so a missing
//! flush or fence is not found here. The host's crash model (`host-tests/tests/crash`), which
//! enumerates what a cache can leave, finds it.

pub mod history;
mod lane;

use crate::{
    boot::{Machine, Options, Rig},
    cli,
    error::{Error, Result},
    guest::at_once,
    ui,
};
use history::Verdict;
use indicatif::HumanCount;
use lane::{Lane, Shared};

/// Machines that run at the same time, each with a log of its own.
const LANES: u64 = 2;

/// How the guest appends: the form's name on the guest's command line, and how many records can be
/// begun and not acknowledged.
const FORMS: [(&str, u64); 3] = [("blocking", 1), ("try", 1), ("batch", 8)];

/// The options of a run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often the power fails while the guest appends. It also fails while the guest recovers.
    pub rounds: u32,
    /// The seed of the random choices.
    pub seed: u64,
    /// Whether the guest makes a mistake that must be found: it acknowledges before it writes.
    pub early: bool,
}

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Records acknowledged in each round until the power failed.
    pub acknowledged: Vec<u64>,
    /// Rounds of each form, in the order of [`FORMS`].
    forms: [u32; FORMS.len()],
    /// Power failures before the guest had recovered the log.
    pub while_recovering: u32,
    /// Those of them before the guest had created a log.
    pub while_creating: u32,
    /// How often a full log was cleared.
    pub cleared: u32,
    /// The faults of all images together.
    pub wrong: Verdict,
    /// Boots in which guest and host recovered different logs.
    pub disagreed: u32,
}

/// Lets the power fail and prints the result. Returns whether nothing is wrong.
pub fn run(powerfail: &cli::Powerfail, options: Options) -> Result<bool> {
    let seed = powerfail.seed.unwrap_or_else(|| fastrand::u64(..));
    let plan = Plan { rounds: powerfail.rounds, seed, early: false };
    let tally = Tally::of(plan, options)?;
    tally.lines().for_each(ui::print);
    ui::print(format_args!("  seed {seed}"));
    Ok(tally.holds())
}

impl Tally {
    /// Runs a plan.
    pub fn of(plan: Plan, options: Options) -> Result<Self> {
        let board = options.pc("powerfail", "it needs an NVDIMM")?;
        if options.machine() == Machine::Microvm {
            let why = "this machine has no slot for it";
            return Err(Error::caller("there is no NVDIMM", why, "use --machine q35 or pc"));
        }
        let rig = &Rig::set_up("nvdimm", board, options)?;
        let step = &ui::Step::begin(format_args!("{} power failures", plan.rounds));
        let shared = &Shared::default();
        at_once(0..LANES, |number| Lane::new(rig, plan, number)?.run(shared, step))
            .into_iter()
            .try_fold(Self::default(), |all, one| Ok(all.and(one?)))
    }

    fn and(mut self, other: Self) -> Self {
        self.acknowledged.extend(other.acknowledged);
        for (form, rounds) in self.forms.iter_mut().zip(other.forms) {
            *form += rounds;
        }
        self.while_recovering += other.while_recovering;
        self.while_creating += other.while_creating;
        self.cleared += other.cleared;
        self.disagreed += other.disagreed;
        self.add(other.wrong);
        self
    }

    fn add(&mut self, Verdict { lost, torn, invented }: Verdict) {
        self.wrong.lost += lost;
        self.wrong.torn += torn;
        self.wrong.invented += invented;
    }

    /// Whether nothing is wrong and something was tested.
    pub fn holds(&self) -> bool {
        let sound = self.wrong == Verdict::default() && self.disagreed == 0;
        sound && self.acknowledged.iter().any(|&count| count > 0)
    }

    /// The result in one line, then how the moments of the power failures were spread.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let mut counts = self.acknowledged.clone();
        counts.sort_unstable();
        let at = |n: usize| HumanCount(counts.get(n).copied().unwrap_or(0));
        let Verdict { lost, torn, invented } = self.wrong;
        let forms =
            FORMS.iter().zip(self.forms).map(|((form, _), rounds)| format!("{rounds} {form}"));
        [
            format!(
                "{} rounds, {} records acknowledged, {lost} lost, {torn} torn, {invented} invented",
                counts.len(),
                HumanCount(counts.iter().sum()),
            ),
            format!(
                "  acknowledged at the kill: {} min, {} median, {} max; the full log was cleared {} times",
                at(0),
                at(counts.len() / 2),
                at(counts.len().saturating_sub(1)),
                self.cleared,
            ),
            format!(
                "  kills: {} while appending ({}), {} while recovering, of those {} while making the log",
                counts.len(),
                forms.collect::<Vec<_>>().join(", "),
                self.while_recovering,
                self.while_creating,
            ),
            match self.disagreed {
                0 => "  guest and host recovered the same at every boot".into(),
                boots => format!("  guest and host recovered different logs at {boots} boots"),
            },
        ]
        .into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        Tally { acknowledged: vec![5, 0, 1500, 7], forms: [1, 1, 2], ..Tally::default() }
    }

    #[test]
    fn the_result_is_one_line() {
        let first = tally().lines().next().expect("a line");
        assert_eq!(first, "4 rounds, 1,512 records acknowledged, 0 lost, 0 torn, 0 invented");
        let spread = tally().lines().nth(1).expect("a line");
        assert!(spread.contains("0 min, 7 median, 1,500 max"), "{spread}");
    }

    #[test]
    fn whatever_is_wrong_is_a_failure() {
        assert!(tally().holds());
        assert!(!Tally::default().holds(), "nothing was tested");
        for verdict in [
            Verdict { lost: 1, ..Verdict::default() },
            Verdict { torn: 1, ..Verdict::default() },
            Verdict { invented: 1, ..Verdict::default() },
        ] {
            let mut wrong = tally();
            wrong.add(verdict);
            assert!(!wrong.holds());
            assert!(!tally().and(wrong).holds());
        }
        assert!(!Tally { disagreed: 1, ..tally() }.holds());
    }
}
