//! `powerfail`: the guest appends to the log in its NVDIMM at full speed and acknowledges what is
//! persistent; QEMU is killed at a random moment; the next boot recovers the log, and so does the
//! host. What was acknowledged must be there, whole, and nothing that was never begun.
//!
//! What this shows and what not: a killed QEMU leaves every store that the guest has executed, in
//! order, so the log's own protocol (records, sequence, full log, recovery, recovery cut short) is
//! tested end to end, on a file that outlives the machine. QEMU models no cache, so a missing flush
//! or fence is not noticed here: that is the host's crash model (`host-tests/tests/crash`), which
//! enumerates what a cache can leave.

pub mod history;

use crate::{
    cli::{self, Board},
    error::{Error, Result},
    guest::{Guest, Run, Transcript},
    image::Image,
    outcome::Outcome,
    qemu::Machine,
    report::{Recovered, Report},
    rig::{Boot, Nvdimm, Persistence, Rig},
    ui,
};
use fastrand::Rng;
use history::{History, Verdict};
use indicatif::HumanCount;
use std::{
    io,
    panic::resume_unwind,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Ample for a boot, even on a busy host.
const LIMIT: Duration = Duration::from_secs(60);
/// The guest appends for so long at most.
const APPENDING: Duration = Duration::from_millis(120);
/// The NVDIMM, all of it one log: small enough to be full now and then.
const BYTES: u64 = 256 << 10;
/// Machines that run at once, each with a log of its own.
const LANES: u64 = 2;

/// How the guest appends: its word for it, and how many records it can have begun and not
/// acknowledged.
const FORMS: [(&str, u64); 3] = [("blocking", 1), ("try", 1), ("batch", 8)];

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often the power fails while the guest appends (besides, it fails while it recovers).
    pub rounds: u32,
    /// What the random choices begin with.
    pub seed: u64,
    /// Whether the guest makes the mistake that must be found: it acknowledges before it writes.
    pub early: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Records acknowledged in each round until the power failed.
    pub acknowledged: Vec<u64>,
    /// Rounds by form, as [`FORMS`] has them.
    forms: [u32; FORMS.len()],
    /// Failures of the power before the guest had recovered the log.
    pub while_recovering: u32,
    /// Of those, how many before it had made one.
    pub while_creating: u32,
    /// How often a full log was cleared.
    pub cleared: u32,
    /// What was wrong, all images together.
    pub wrong: Verdict,
    /// Boots in which the guest recovered something else than the host.
    pub disagreed: u32,
}

/// Lets the power fail and prints what came of it; whether nothing is wrong.
pub fn run(powerfail: &cli::Powerfail, board: Board) -> Result<bool> {
    let seed = powerfail.seed.unwrap_or_else(|| fastrand::u64(..));
    let plan = Plan { rounds: powerfail.rounds, seed, early: false };
    let tally = Tally::of(plan, board)?;
    tally.lines().for_each(ui::print);
    ui::print(format_args!("  seed {seed}"));
    Ok(tally.holds())
}

impl Tally {
    /// Carries a plan out.
    pub fn of(plan: Plan, board: Board) -> Result<Self> {
        if board.machine == Some(Machine::Microvm) {
            let why = "this machine has no slot for one";
            return Err(Error::caller("there is no NVDIMM", why, "name q35 or pc by --machine"));
        }
        let rig = &Rig::set_up("nvdimm", board)?;
        let step = &ui::Step::begin(format_args!("{} power failures", plan.rounds));
        let shared = &Shared { begun: AtomicU32::new(0), failed: AtomicBool::new(false) };
        let each: Vec<Result<Self>> = thread::scope(|scope| {
            let lane = |number| {
                let tally = Lane::new(rig, plan, number).and_then(|lane| lane.run(shared, step));
                shared.failed.fetch_or(tally.is_err(), Ordering::Relaxed);
                tally
            };
            let lanes: Vec<_> = (0..LANES).map(|n| scope.spawn(move || lane(n))).collect();
            let ended = lanes.into_iter().map(|l| l.join().unwrap_or_else(|p| resume_unwind(p)));
            ended.collect()
        });
        each.into_iter().try_fold(Self::default(), |all, one| Ok(all.and(one?)))
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

    /// Whether nothing is wrong, and something was tested.
    pub fn holds(&self) -> bool {
        let sound = self.wrong == Verdict::default() && self.disagreed == 0;
        sound && self.acknowledged.iter().any(|&count| count > 0)
    }

    /// The result in one line, then how well the moments were spread.
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

/// What the lanes share.
struct Shared {
    /// Rounds begun.
    begun: AtomicU32,
    /// Whether a lane has failed, so that the others need not go on.
    failed: AtomicBool,
}

/// One machine with its NVDIMM: boot after boot on the same file.
struct Lane<'a> {
    rig: &'a Rig,
    plan: Plan,
    random: Rng,
    history: History,
    /// What the host found after the last power failure.
    image: Option<Image>,
    /// How long the guest took to recover, the last time that it could.
    recovering: Duration,
    tally: Tally,
    folder: TempDir,
}

/// When the power fails.
#[derive(Clone, Copy)]
enum Moment {
    /// So long after the guest has begun to recover.
    Recovering(Duration),
    /// So long after it has begun to append.
    Appending(Duration),
}

impl<'a> Lane<'a> {
    fn new(rig: &'a Rig, plan: Plan, number: u64) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|error| {
            Error::run("there is no place for an NVDIMM", error, "check the temporary folder")
        })?;
        Ok(Self {
            rig,
            plan,
            random: Rng::with_seed(plan.seed.wrapping_mul(LANES).wrapping_add(number)),
            history: History::new(BYTES),
            image: None,
            recovering: Duration::from_millis(5),
            tally: Tally::default(),
            folder,
        })
    }

    /// Rounds until all are done: the power fails while the guest appends, before that in every
    /// third one while it recovers, and in the first while it makes the log.
    fn run(mut self, shared: &Shared, step: &ui::Step) -> Result<Tally> {
        loop {
            let round = shared.begun.fetch_add(1, Ordering::Relaxed);
            if round >= self.plan.rounds || shared.failed.load(Ordering::Relaxed) {
                break;
            }
            let sum: u64 = self.tally.acknowledged.iter().sum();
            step.at(format_args!(
                "round {} of {}: {sum} acknowledged",
                round + 1,
                self.plan.rounds
            ));
            let rounds = self.tally.acknowledged.len();
            if self.history.may_create() || self.random.u8(..3) == 0 {
                let part = self.random.f64();
                self.boot(Moment::Recovering(self.recovering.mul_f64(part)))?;
            }
            // It may have come too late for that: then this was the round.
            while self.tally.acknowledged.len() == rounds {
                let part = self.random.f64();
                self.boot(Moment::Appending(APPENDING.mul_f64(part)))?;
            }
        }
        // What the last one has left is recovered by the guest, too.
        self.boot_to_the_end()?;
        Ok(self.tally)
    }

    /// One boot, a power failure, and what it has left.
    fn boot(&mut self, moment: Moment) -> Result<()> {
        let form = self.random.usize(..FORMS.len());
        let seed = self.random.u32(..);
        let (name, begun) = FORMS[form];
        let twin = if self.plan.early { " twin=early" } else { "" };
        let command = format!("append form={name} seed={seed} full=clear{twin}");
        let sent = Transcript::default();
        let (run, recovered) = self.guest(&command, seed, sent.clone(), Some(moment))?;
        if run.outcome != Outcome::PowerFailed {
            let error =
                run.outcome.error(format_args!("guest `{}`", run.what)).unwrap_or_else(|| {
                    let why = "it was to append for ever";
                    Error::run(
                        "the guest ended by itself",
                        why,
                        "bring runner and firmware in line",
                    )
                });
            return Err(error.with("the guest's log", &run.log_text()));
        }
        let count = self.history.acknowledge(&sent.bytes()).ok_or_else(|| {
            let why = "a record was acknowledged twice";
            Error::run(
                "the acknowledgements make no sense",
                why,
                "bring runner and firmware in line",
            )
        })?;
        if recovered {
            self.tally.acknowledged.push(count);
            self.tally.forms[form] += 1;
        } else {
            self.tally.while_recovering += 1;
            self.tally.while_creating += u32::from(self.history.may_create());
        }
        self.look(begun)
    }

    /// A boot that appends nothing.
    fn boot_to_the_end(&mut self) -> Result<()> {
        let (run, _) =
            self.guest("append form=try seed=0 count=0", 0, Transcript::default(), None)?;
        run.success()?;
        self.look(0)
    }

    /// Boots, and compares what the guest recovers. Whether it has come so far.
    fn guest(
        &mut self,
        command: &str,
        seed: u32,
        sent: Transcript,
        moment: Option<Moment>,
    ) -> Result<(Run, bool)> {
        let create = if self.history.may_create() { " create=yes" } else { "" };
        let boot = nvdimm(self.rig, format!("{command}{create}"), self.file());
        self.history.boot(seed);
        let (mut begun, mut recovered) = (Instant::now(), None);
        let guest = Guest::boot(&boot, [Box::new(sent), Box::new(io::sink())])?;
        let run = guest.run_until(|report| match (report, moment) {
            (Report::Nvdimm(_), moment) => {
                begun = Instant::now();
                match moment {
                    Some(Moment::Recovering(after)) => Some(begun + after),
                    _ => None,
                }
            }
            (Report::Recovered(report), moment) => {
                recovered = Some(report);
                self.recovering = begun.elapsed();
                match moment {
                    Some(Moment::Appending(after)) => Some(Instant::now() + after),
                    _ => None,
                }
            }
            _ => None,
        })?;
        if let Some(recovered) = recovered {
            self.tally.disagreed += u32::from(recovered != expected(self.image.as_ref()));
            self.history.has_log();
        }
        Ok((run, recovered.is_some()))
    }

    /// Looks at what is in the NVDIMM, where at most so many records were begun and not
    /// acknowledged.
    fn look(&mut self, begun: u64) -> Result<()> {
        let image = Image::read(&self.file())?;
        let first = |image: &Option<Image>| image.as_ref().map_or(1, |image| image.first);
        self.tally.cleared += u32::from(first(&image) > first(&self.image));
        let verdict = self.history.judge(image.as_ref(), begun);
        self.tally.add(verdict);
        self.image = image;
        Ok(())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("nvdimm")
    }
}

/// What the guest has to recover from an image.
fn expected(image: Option<&Image>) -> Recovered {
    match image {
        Some(image) => Recovered {
            first: image.first,
            next: image.next(),
            digest: image.digest(),
            created: false,
        },
        None => Recovered { first: 1, next: 1, digest: Image::default().digest(), created: true },
    }
}

/// A boot with the NVDIMM in this file, by the host's clock.
fn nvdimm(rig: &Rig, command: String, file: PathBuf) -> Boot<'_> {
    let mut boot = rig.boot(command, LIMIT);
    boot.exact = false;
    boot.nvdimm = Some(Nvdimm { file, bytes: BYTES, persistence: Persistence::MemoryController });
    boot
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
