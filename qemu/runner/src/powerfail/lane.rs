//! One machine: several boots on the same NVDIMM, then on a new one.

use super::{FORMS, Plan, Tally, history::History};
use crate::{
    boot::{Nvdimm, Rig},
    error::{Error, Result},
    guest::{Guest, Run, Transcript},
    image::Image,
    outcome::Outcome,
    report::{Domain, Recovered, Report},
    ui,
};
use fastrand::Rng;
use indicatif::HumanCount;
use std::{
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A generous limit for a boot, also on a busy host.
const LIMIT: Duration = Duration::from_secs(60);
/// The longest time that the guest appends.
const APPENDING: Duration = Duration::from_millis(120);
/// The size of the NVDIMM, which holds one log: small enough that the log is sometimes full.
const BYTES: u64 = 256 << 10;
/// After this many rounds a machine gets a new NVDIMM without a log.
const ROUNDS_OF_A_LOG: usize = 8;

/// What all lanes share.
#[derive(Default)]
pub struct Shared {
    /// Rounds begun.
    begun: AtomicU32,
    /// Records acknowledged.
    acknowledged: AtomicU64,
    /// Whether a lane has failed, so that the others stop.
    failed: AtomicBool,
}

/// The machine.
pub struct Lane<'a> {
    rig: &'a Rig,
    plan: Plan,
    random: Rng,
    history: History,
    /// The log that the host found after the last power failure.
    image: Option<Image>,
    /// How long the guest last took to recover the log, and to create one.
    recovering: Duration,
    creating: Duration,
    tally: Tally,
    folder: TempDir,
}

/// When the power fails.
#[derive(Clone, Copy)]
enum Moment {
    /// This long after the guest has begun to recover or to create the log.
    Recovering(Duration),
    /// This long after the guest has begun to append.
    Appending(Duration),
    /// The power does not fail.
    Never,
}

impl<'a> Lane<'a> {
    /// A machine. Each number gives other random choices.
    pub fn new(rig: &'a Rig, plan: Plan, number: u64) -> Result<Self> {
        Ok(Self {
            rig,
            plan,
            random: Rng::with_seed(plan.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            history: History::new(BYTES),
            image: None,
            recovering: Duration::from_millis(5),
            creating: Duration::from_millis(5),
            tally: Tally::default(),
            folder: folder()?,
        })
    }

    /// Runs rounds until none is left.
    pub fn run(mut self, shared: &Shared, step: &ui::Step) -> Result<Tally> {
        let ended = self.rounds(shared, step);
        shared.failed.fetch_or(ended.is_err(), Ordering::Relaxed);
        ended.map(|()| self.tally)
    }

    fn rounds(&mut self, shared: &Shared, step: &ui::Step) -> Result<()> {
        let of = self.plan.rounds;
        loop {
            let round = shared.begun.fetch_add(1, Ordering::Relaxed);
            if round >= of || shared.failed.load(Ordering::Relaxed) {
                return self.boot_to_the_end();
            }
            let sum = HumanCount(shared.acknowledged.load(Ordering::Relaxed));
            step.at(format_args!("round {} of {of}: {sum} records acknowledged", round + 1));
            shared.acknowledged.fetch_add(self.round()?, Ordering::Relaxed);
        }
    }

    /// The power fails while the guest appends. Before that, in about every third round it fails while
    /// the guest recovers the log, and with a new NVDIMM while the guest creates it. Returns how many
    /// records were acknowledged.
    fn round(&mut self) -> Result<u64> {
        let rounds = self.tally.acknowledged.len();
        if rounds > 0 && rounds.is_multiple_of(ROUNDS_OF_A_LOG) {
            self.boot_to_the_end()?;
            self.folder = folder()?;
            (self.history, self.image) = (History::new(BYTES), None);
        }
        let part = self.random.f64();
        if self.history.may_create() {
            self.cut(Moment::Recovering(self.creating.mul_f64(part)))?;
        } else if self.random.u8(..3) == 0 {
            self.cut(Moment::Recovering(self.recovering.mul_f64(part)))?;
        }
        // If that came too late, the guest was appending already, and this was the round.
        while self.tally.acknowledged.len() == rounds {
            let part = self.random.f64();
            self.cut(Moment::Appending(APPENDING.mul_f64(part)))?;
        }
        Ok(self.tally.acknowledged[rounds..].iter().sum())
    }

    /// One boot, a power failure, and a look at what is left.
    fn cut(&mut self, moment: Moment) -> Result<()> {
        const ADVICE: &str = "build runner and firmware from the same sources";
        let form = self.random.usize(..FORMS.len());
        let seed = self.random.u32(..);
        let (name, begun) = FORMS[form];
        let twin = if self.plan.early { " twin=early" } else { "" };
        let command = format!("append form={name} seed={seed} full=clear{twin}");
        let sent = Transcript::default();
        let (run, recovered) = self.boot(&command, seed, sent.clone(), moment)?;
        if run.outcome != Outcome::PowerFailed {
            let why = "it had to append until the power failed";
            run.success()?;
            return Err(Error::run("the guest ended by itself", why, ADVICE));
        }
        let count = self.history.acknowledge(&sent.bytes()).ok_or_else(|| {
            let why = "a record was acknowledged twice";
            Error::run("the acknowledgements are wrong", why, ADVICE)
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

    /// A boot that appends nothing, so that the guest also recovers what the last boot left.
    fn boot_to_the_end(&mut self) -> Result<()> {
        let command = "append form=try seed=0 count=0";
        let (run, _) = self.boot(command, 0, Transcript::default(), Moment::Never)?;
        run.success()?;
        self.look(0)
    }

    /// Boots, and compares what the guest recovers with the host's image. Returns whether the guest
    /// has recovered the log.
    fn boot(
        &mut self,
        command: &str,
        seed: u32,
        sent: Transcript,
        moment: Moment,
    ) -> Result<(Run, bool)> {
        let create = if self.history.may_create() { " create=yes" } else { "" };
        let mut boot = self.rig.boot(format!("{command}{create}"), LIMIT);
        boot.exact = false;
        let either = [Domain::MemoryController, Domain::Caches];
        let persistence = either[self.random.usize(..either.len())];
        boot.nvdimm = Some(Nvdimm { file: self.file(), bytes: BYTES, persistence });
        self.history.boot(seed);
        let (mut begun, mut recovered) = (Instant::now(), None);
        let guest = Guest::boot(&boot, [Box::new(sent), Box::new(io::sink())])?;
        let run = guest.run_until(|report| match (report, moment) {
            (Report::Nvdimm(_), Moment::Recovering(after)) => {
                begun = Instant::now();
                Some(begun + after)
            }
            (Report::Nvdimm(_), _) => {
                begun = Instant::now();
                None
            }
            (Report::Recovered(report), moment) => {
                let now = Instant::now();
                recovered = Some((report, now - begun));
                if let Moment::Appending(after) = moment { Some(now + after) } else { None }
            }
            _ => None,
        })?;
        if let Some((report, time)) = recovered {
            self.tally.disagreed += u32::from(report != expected(self.image.as_ref()));
            self.history.has_log();
            *if report.created { &mut self.creating } else { &mut self.recovering } = time;
        }
        Ok((run, recovered.is_some()))
    }

    /// Checks what is in the NVDIMM. At most `begun` records can be begun and not acknowledged.
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

/// What the guest must recover from an image.
fn expected(image: Option<&Image>) -> Recovered {
    let image = image.map_or((1, 1, Image::default().digest(), true), |image| {
        (image.first, image.next(), image.digest(), false)
    });
    let (first, next, digest, created) = image;
    Recovered { first, next, digest, created }
}

/// A folder for an NVDIMM's file.
fn folder() -> Result<TempDir> {
    tempfile::tempdir().map_err(|error| {
        Error::run("cannot make a folder for an NVDIMM", error, "check the temporary folder")
    })
}
