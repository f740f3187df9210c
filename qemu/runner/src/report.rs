//! What the guest reports: one JSON object a line, on a debug port of its own.

use serde::{Deserialize, Serialize};

/// One report.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Report {
    /// An example of the model was run.
    Row(Row),
    /// An example that this machine cannot run.
    Absent(Absent),
    /// The guest is ready for bytes, and asks for them.
    Want(Stream),
    /// The guest sends these bytes, and no others; the host is to compare.
    Sends(Stream),
    /// The guest has this test.
    Test {
        /// Its name.
        name: String,
    },
    /// An echo has ended.
    Echoed(Echoed),
    /// A figure of the bench.
    Figure(Figure),
    /// The longest that an operation keeps interrupts masked.
    Masked(Masked),
    /// Something was counted.
    Count {
        /// What.
        what: String,
        /// How many.
        count: u64,
    },
    /// A wait path was swept.
    Path(SweptPath),
    /// A wait path that is broken on purpose was swept.
    Twin(SweptTwin),
    /// Persistent memory was found; its log is recovered next.
    Nvdimm(Nvdimm),
    /// The log was recovered, or made.
    Recovered(Recovered),
    /// Records were appended and are persistent.
    Appended(Appended),
    /// A soak is at it.
    Soaking {
        /// Operations that have ended so far.
        ended: u64,
    },
    /// What a soak has counted.
    Soaked(Soaked),
    /// The last line of a run that came to its end.
    Complete,
}

/// The places of the model.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Kind {
    /// Retried in the foreground until done.
    #[serde(rename = "blocking synchronous")]
    BlockingSynchronous,
    /// Tried once in the foreground.
    #[serde(rename = "non-blocking synchronous")]
    NonBlockingSynchronous,
    /// Started, and carried on in the background.
    #[serde(rename = "asynchronous")]
    Asynchronous,
    /// Does not exist; here for the negative examples.
    #[serde(rename = "blocking asynchronous")]
    BlockingAsynchronous,
    /// Lifetimes that overlap on one core.
    #[serde(rename = "concurrency")]
    Concurrency,
}

impl Kind {
    /// Its name, as in the reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::BlockingSynchronous => "blocking synchronous",
            Self::NonBlockingSynchronous => "non-blocking synchronous",
            Self::Asynchronous => "asynchronous",
            Self::BlockingAsynchronous => "blocking asynchronous",
            Self::Concurrency => "concurrency",
        }
    }
}

/// One example of the model, with what was measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    /// What was done.
    pub row: String,
    /// Where it stands in the model.
    pub kind: Kind,
    /// The short code, as the table shows it.
    pub call: String,
    /// Whether all that was claimed of it is true.
    pub holds: bool,
    /// How often it was tried.
    pub tries: u64,
    /// Interrupts taken meanwhile.
    pub interrupts: u64,
    /// Instructions the foreground spent.
    pub foreground_instructions: u64,
    /// How often the core slept.
    pub asleep: u64,
    /// Whether the figures depend on the host's timing.
    pub host_input: bool,
    /// What was checked.
    pub note: String,
}

/// An example that this machine cannot run.
#[derive(Clone, Debug, Deserialize)]
pub struct Absent {
    /// What would have been done.
    pub row: String,
    /// Where it would stand.
    pub kind: Kind,
    /// What the machine lacks.
    pub why: String,
}

/// A serial port of the guest.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// The first.
    Com1,
    /// The second.
    Com2,
}

/// Bytes on a serial port.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Stream {
    /// Where.
    pub port: Port,
    /// How many.
    pub bytes: u64,
    /// Which: those of [`Xorshift`] from this seed. Where the guest wants bytes, the host may have
    /// others, as for an echo.
    pub seed: u32,
}

/// How an echo went, as the guest saw it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Echoed {
    /// Bytes received and sent back.
    pub bytes: u64,
    /// Bytes lost because they came too fast.
    pub overruns: u64,
    /// Bytes received that found no room.
    pub dropped: u64,
}

/// What a case takes, ours beside a peer's: instructions or bytes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figure {
    /// What was counted.
    pub case: String,
    /// How many.
    pub ours: u64,
    /// With what it is compared.
    pub peer: String,
    /// What that takes.
    pub peer_value: u64,
    /// What belongs to it: where it was found, or its parts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whether it depends on the host's timing, so that it does not repeat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub host_input: bool,
}

/// The longest that an operation keeps interrupts masked, in instructions.
#[derive(Clone, Debug, Deserialize)]
pub struct Masked {
    /// What was counted.
    pub case: String,
    /// The operation.
    pub operation: String,
    /// Instructions of the longest stretch.
    pub instructions: u64,
    /// Instructions of the whole operation.
    pub of: u64,
    /// An address in the stretch.
    pub address: u64,
}

/// A wait path, and its event placed at each of its instructions.
#[derive(Clone, Debug, Deserialize)]
pub struct SweptPath {
    /// Its name.
    pub path: String,
    /// Placements tried.
    pub placements: u64,
    /// Instruction boundaries of the path; the guest has checked that the placements hit each of
    /// them, and no other.
    pub addresses: u64,
    /// Placements whose event was lost.
    pub lost: u64,
}

/// The same for a path that is broken on purpose.
#[derive(Clone, Debug, Deserialize)]
pub struct SweptTwin {
    /// Its name.
    pub twin: String,
    /// Placements tried.
    pub placements: u64,
    /// Placements whose event was lost.
    pub lost: u64,
}

impl SweptTwin {
    /// Whether the sweep has found that it is broken.
    pub fn is_caught(&self) -> bool {
        self.lost > 0
    }
}

/// The persistent memory that the guest has found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Nvdimm {
    /// Its first physical address.
    pub base: u64,
    /// Its length in bytes.
    pub length: u64,
    /// What survives a power cut.
    pub domain: Domain,
}

/// What survives a power cut.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// The caches do.
    Caches,
    /// What has reached the memory controller does.
    MemoryController,
}

/// The log that the guest has recovered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub struct Recovered {
    /// The number of its first record.
    pub first: u64,
    /// The number of the next one.
    pub next: u64,
    /// The [digest](crate::image::Image::digest) of all records.
    pub digest: u64,
    /// Whether there was no log, so that it was made.
    pub created: bool,
}

/// What the guest has appended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub struct Appended {
    /// The number of the next record.
    pub next: u64,
    /// Whether the log would block: the next one does not fit.
    pub full: bool,
}

/// What a soak has counted.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Soaked {
    /// Operations started.
    pub started: u64,
    /// Those of them with a callback.
    pub started_with: u64,
    /// Ended, having done all.
    pub completed: u64,
    /// Ended early, as asked.
    pub cancelled: u64,
    /// Ended by a failure.
    pub failed: u64,
    /// Ends that a job has got.
    pub collected: u64,
    /// Ends that a callback has got.
    pub called_back: u64,
    /// Ends that nobody wanted.
    pub given_up: u64,
    /// Ends that nobody will get.
    pub forgotten: u64,
    /// Buffers that went into operations.
    pub lent: u64,
    /// Buffers that came out of them.
    pub returned: u64,
    /// Ends of operations on a serial port.
    pub serial: u64,
    /// Of DMA transfers.
    pub dma: u64,
    /// Of countdowns.
    pub timer: u64,
    /// Interrupts taken.
    pub interrupts: u64,
    /// Those of them that found nothing to do.
    pub idle: u64,
    /// Those of them that found a slot being stepped.
    pub contended: u64,
}

/// Marsaglia's xorshift32, one byte a step: bytes that host and guest can both make.
#[derive(Clone, Debug)]
pub struct Xorshift(u32);

impl Xorshift {
    /// The stream of a seed; that of 0 is all zeros.
    pub fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// The next bytes.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            [*byte, ..] = self.0.to_le_bytes();
        }
    }
}

impl std::io::Read for Xorshift {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.fill(buffer);
        Ok(buffer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn reports_are_tagged_by_type() {
        let row = r#"{"type":"row","row":"sum","kind":"blocking synchronous","call":"sum()","holds":true,"tries":1,
            "interrupts":0,"foreground_instructions":12,"asleep":0,"host_input":false,"note":"equal"}"#;
        assert!(matches!(
            serde_json::from_str(row),
            Ok(Report::Row(Row { tries: 1, holds: true, .. }))
        ));
        let want = r#"{"type":"want","port":"com2","bytes":4096,"seed":7}"#;
        assert!(matches!(
            serde_json::from_str(want),
            Ok(Report::Want(Stream { port: Port::Com2, seed: 7, .. }))
        ));
        assert!(matches!(serde_json::from_str(r#"{"type":"complete"}"#), Ok(Report::Complete)));
        for bad in ["{}", r#"{"type":"ro"#, r#"{"type":"gossip"}"#] {
            assert!(serde_json::from_str::<Report>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kinds_are_named_alike_in_both_directions() {
        for kind in [
            Kind::BlockingSynchronous,
            Kind::NonBlockingSynchronous,
            Kind::Asynchronous,
            Kind::BlockingAsynchronous,
            Kind::Concurrency,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn xorshift_is_marsaglias() {
        // From seed 1 the first words are 0x00042021, 0x04080601, 0x9dcca8c5 (xorshift32 with 13,
        // 17, 5).
        let mut first = [0; 3];
        Xorshift::new(1).read_exact(&mut first).unwrap();
        assert_eq!(first, [0x21, 0x01, 0xc5]);
        let (mut whole, mut parts) = ([0; 9], [0; 9]);
        Xorshift::new(7).read_exact(&mut whole).unwrap();
        let mut again = Xorshift::new(7);
        again.read_exact(&mut parts[..4]).unwrap();
        again.read_exact(&mut parts[4..]).unwrap();
        assert_eq!(whole, parts);
    }
}
