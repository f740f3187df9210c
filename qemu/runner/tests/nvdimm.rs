//! The library's log on an NVDIMM, which the guest finds through ACPI: what the guest reports, and what
//! the host recovers from the NVDIMM's file.

use runner::{
    board::PC,
    boot::{Boot, Machine, Nvdimm, Options, Rig},
    guest::{Guest, Run, Transcript},
    image::{Image, capacity, words},
    outcome::Outcome,
    powerfail::history::payload,
    qemu,
    report::{self, Appended, Domain, Recovered, Report},
};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};
use tempfile::TempDir;

/// The firmware, built once.
static RIG: LazyLock<Rig> =
    LazyLock::new(|| Rig::set_up("nvdimm", PC, Options::default()).expect("a firmware"));

/// A generous limit.
const LIMIT: Duration = Duration::from_secs(60);
const BYTES: u64 = 64 << 10;

/// An NVDIMM's file, in a folder of its own.
struct Memory {
    folder: TempDir,
    bytes: u64,
    persistence: Domain,
}

/// The reports of a boot.
struct Said {
    run: Run,
    nvdimm: Option<report::Nvdimm>,
    recovered: Option<Recovered>,
    appended: Option<Appended>,
    /// The bytes on the first serial port.
    acknowledged: Vec<u8>,
}

impl Memory {
    fn new(persistence: Domain) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), bytes: BYTES, persistence }
    }

    fn file(&self) -> PathBuf {
        // QEMU ends a property at a comma, so the runner must escape it.
        self.folder.path().join("nvdimm, the first")
    }

    fn boot<'a>(&self, rig: &'a Rig, command: &str) -> Boot<'a> {
        let mut boot = rig.boot(command, LIMIT);
        boot.exact = false;
        let Self { bytes, persistence, .. } = *self;
        boot.nvdimm = Some(Nvdimm { file: self.file(), bytes, persistence });
        boot
    }

    fn run(&self, command: &str) -> Said {
        said(&self.boot(&RIG, command))
    }

    /// Runs a command, which must reach its end.
    fn append(&self, command: &str) -> (Recovered, Appended) {
        let said = self.run(command);
        assert_eq!(said.run.outcome, Outcome::Complete, "{}", said.run.log_text());
        let domain = self.persistence;
        let nvdimm = report::Nvdimm { base: 4 << 30, length: self.bytes, domain };
        assert_eq!(said.nvdimm, Some(nvdimm));
        let (recovered, appended) =
            (said.recovered.expect("a log"), said.appended.expect("an end"));
        if appended.next > recovered.next {
            // The last acknowledgement is for the last record.
            assert_eq!(said.acknowledged.last(), Some(&((appended.next - 1) as u8)));
        }
        (recovered, appended)
    }

    fn image(&self) -> Image {
        Image::read(&self.file()).expect("readable").expect("a log")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.file()).expect("readable")
    }

    /// Overwrites a word of the file.
    fn store(&self, word: usize, value: u64) {
        let mut bytes = self.bytes();
        bytes[word * 8..][..8].copy_from_slice(&value.to_le_bytes());
        fs::write(self.file(), bytes).expect("writable");
    }
}

fn said(boot: &Boot) -> Said {
    let transcript = Transcript::default();
    let sinks: [Box<dyn Write + Send>; 2] = [Box::new(transcript.clone()), Box::new(io::sink())];
    let guest = Guest::boot(boot, sinks).expect("a guest that started");
    let (mut nvdimm, mut recovered, mut appended) = (None, None, None);
    let run = guest.run(|report| match report {
        Report::Nvdimm(report) => nvdimm = Some(report),
        Report::Recovered(report) => recovered = Some(report),
        Report::Appended(report) => appended = Some(report),
        _ => {}
    });
    let run = run.expect("a guest that ended");
    Said { run, nvdimm, recovered, appended, acknowledged: transcript.bytes() }
}

fn recovered(image: &Image) -> Recovered {
    let (first, next, digest) = (image.first, image.next(), image.digest());
    Recovered { first, next, digest, created: false }
}

fn payloads(seed: u32, numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    numbers.map(|sequence| payload(seed, sequence)).collect()
}

/// A new region, then an existing log, in every form, on both persistence domains.
#[test]
fn records_outlive_the_machine() {
    for persistence in [Domain::MemoryController, Domain::Caches] {
        let memory = Memory::new(persistence);
        let (fresh, appended) = memory.append("append form=try seed=7 count=20 create=yes");
        assert!(fresh.created && (fresh.first, fresh.next) == (1, 1), "{fresh:?}");
        assert_eq!(appended, Appended { next: 21, full: false });
        let image = memory.image();
        assert_eq!((image.first, &image.records), (1, &payloads(7, 1..21)));

        let mut expected = image.records.clone();
        let mut before = image;
        for (form, seed) in [("batch", 8), ("blocking", 9), ("try", 10)] {
            let (found, appended) =
                memory.append(&format!("append form={form} seed={seed} count=21"));
            assert_eq!(found, recovered(&before), "{form}");
            assert_eq!(appended, Appended { next: found.next + 21, full: false });
            expected.extend(payloads(seed, found.next..appended.next));
            before = memory.image();
            assert_eq!(before.records, expected, "{form}");
        }
    }
}

#[test]
fn a_full_log_would_block_and_keeps_its_records() {
    let memory = Memory::new(Domain::MemoryController);
    let (_, appended) = memory.append("append form=try seed=3 create=yes");
    assert!(appended.full);
    // It is full when the next record does not fit, and not earlier.
    let taken = |next| -> u64 { payloads(3, 1..next).iter().map(|p| words(p.len())).sum() };
    assert!(taken(appended.next) <= capacity(BYTES), "{appended:?}");
    assert!(taken(appended.next + 1) > capacity(BYTES), "{appended:?}");

    let image = memory.image();
    assert_eq!(image.records, payloads(3, 1..appended.next));
    // The same record does not fit in any form that does not block.
    for form in ["try", "batch"] {
        let (found, again) = memory.append(&format!("append form={form} seed=3"));
        assert_eq!((found, again), (recovered(&image), appended), "{form}");
        assert_eq!(memory.image(), image);
    }
    // The blocking form makes room, and numbers continue.
    let (_, after) = memory.append("append form=blocking seed=3 count=5");
    assert_eq!(after, Appended { next: appended.next + 5, full: false });
    let image = memory.image();
    assert_eq!((image.first, image.next()), (appended.next, after.next));
    assert_eq!(image.records, payloads(3, appended.next..after.next));
}

#[test]
fn memory_without_a_valid_log_is_refused_and_not_written_to() {
    // Words of the header, which has two copies.
    const MAGIC: usize = 0;
    const EPOCH: usize = 5;
    const COPY: usize = 8;
    let memory = Memory::new(Domain::MemoryController);
    memory.append("append form=try seed=3 count=5 create=yes");
    let whole = memory.bytes();
    for (word, value, create, says) in [
        (MAGIC, 0, "", "no log"),
        // A damaged log is not "no log", so no log is created, though the command line allows it.
        (MAGIC, 0x1234, " create=yes", "header is damaged"),
        (EPOCH, u64::MAX, " create=yes", "header is damaged"),
        (MAGIC, u64::from_le_bytes(*b"wblog\0\0\x01"), " create=yes", "header is damaged"),
    ] {
        memory.store(word, value);
        memory.store(COPY + word, value);
        let damaged = memory.bytes();
        let said = memory.run(&format!("append form=try seed=3 count=5{create}"));
        assert_eq!(said.run.outcome, Outcome::Refused);
        let error = said.run.success().expect_err("refused").to_string();
        assert!(error.contains(says), "{error}");
        assert!(said.recovered.is_none() && said.acknowledged.is_empty());
        assert!(memory.bytes() == damaged, "it was written to");
        fs::write(memory.file(), &whole).expect("writable");
    }
    // If one copy is valid, the log is found, and the other copy is written again.
    for copy in [0, COPY] {
        for word in 0..COPY {
            memory.store(copy + word, 0x1234);
        }
        let (found, _) = memory.append("append form=try seed=3 count=0 create=yes");
        assert_eq!((found.first, found.next, found.created), (1, 6, false));
        let header = memory.bytes();
        assert_eq!(header[..64], header[64..128]);
    }
}

/// A log on an NVDIMM whose length has changed is refused.
#[test]
fn a_log_is_refused_if_its_nvdimm_has_another_length() {
    let mut memory = Memory::new(Domain::MemoryController);
    memory.append("append form=try seed=4 create=yes");
    memory.bytes = 2 * BYTES;
    let file = fs::File::options().write(true).open(memory.file()).expect("writable");
    file.set_len(memory.bytes).expect("longer");
    let said = memory.run("append form=try seed=4 count=1 create=yes");
    assert_eq!(said.run.outcome, Outcome::Refused);
    let error = said.run.success().expect_err("refused").to_string();
    assert!(error.contains(&format!("created in memory of {} words", BYTES / 8)), "{error}");
    assert!(said.recovered.is_none() && said.acknowledged.is_empty());
}

/// The log ends before a damaged record. The next appended record takes its place.
#[test]
fn a_damaged_record_ends_the_log() {
    let memory = Memory::new(Domain::MemoryController);
    memory.append("append form=batch seed=5 count=9 create=yes");
    let third = 16 + payloads(5, 1..3).iter().map(|p| words(p.len()) as usize).sum::<usize>();
    memory.store(third + 2, 0); // its checksum
    let (found, appended) = memory.append("append form=try seed=6 count=1");
    assert_eq!((found.next, appended.next), (3, 4));
    let image = memory.image();
    assert_eq!(image.records, [payloads(5, 1..3), payloads(6, 3..4)].concat());
}

#[test]
fn a_machine_without_an_nvdimm_says_so() {
    let mut boot = RIG.boot("append form=try seed=1 count=1 create=yes", LIMIT);
    boot.exact = false;
    let said = said(&boot);
    assert_eq!(said.run.outcome, Outcome::Refused);
    let error = said.run.success().expect_err("refused").to_string();
    assert!(error.contains("there is no NVDIMM"), "{error}");
    assert!(said.nvdimm.is_none());
}

#[test]
fn the_older_machine_has_an_nvdimm_too() {
    let memory = Memory::new(Domain::Caches);
    let mut rig = RIG.clone();
    rig.options.machine = Some(Machine::Pc);
    let said = said(&memory.boot(&rig, "append form=try seed=2 count=4 create=yes"));
    assert_eq!(said.run.outcome, Outcome::Complete, "{}", said.run.log_text());
    assert_eq!(said.nvdimm.map(|nvdimm| nvdimm.domain), Some(Domain::Caches));
    assert_eq!(memory.image().records, payloads(2, 1..5));
}

/// 5 GiB from 4 GiB on reach beyond what the board maps. The file is sparse.
#[test]
fn an_nvdimm_that_is_not_mapped_is_refused() {
    let mut memory = Memory::new(Domain::MemoryController);
    memory.bytes = 5 << 30;
    let said = memory.run("append form=try seed=2 count=4 create=yes");
    assert_eq!(said.run.outcome, Outcome::Refused);
    let error = said.run.success().expect_err("refused").to_string();
    assert!(error.contains("not where the board maps memory"), "{error}");
}

#[test]
fn other_boots_have_no_nvdimm() {
    let words = |boot: &Boot| -> Vec<String> {
        let command = qemu::command(boot, Path::new("."));
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    };
    let without = words(&RIG.boot("append", LIMIT));
    let with = words(&Memory::new(Domain::Caches).boot(&RIG, "append"));
    for part in ["nvdimm", "slots", "maxmem"] {
        let names = |words: &[String]| {
            words.iter().any(|word| word.contains(part) && !word.ends_with("/nvdimm"))
        };
        assert!(names(&with) && !names(&without), "{part}: {without:?}");
    }
}
