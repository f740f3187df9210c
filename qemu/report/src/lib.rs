//! What the firmware and the runner must agree on: the [`Report`]s, which the firmware writes as one
//! JSON object a line and the runner reads, and the pseudo-random bytes that both can make.
//!
//! `S` is the string type: `&str` in the firmware, which does not allocate, and `String` in the
//! runner.

#![no_std]

#[cfg(feature = "std")]
extern crate std;

pub mod exit;
pub mod spi;
mod xorshift;

use serde::Serialize;
pub use xorshift::{Xorshift, Xorshift64};

/// One report. The field `type` says which.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
#[serde(tag = "type", rename_all = "snake_case")]
#[serde(bound(
    serialize = "S: AsRef<str> + Serialize",
    deserialize = "S: Default + serde::Deserialize<'de>"
))]
pub enum Report<S> {
    /// A row of the tour was run.
    Row(Row<S>),
    /// A row of the tour that this machine cannot run.
    Absent(Absent<S>),
    /// A section of the recording of the next row begins.
    Section(Counts),
    /// A stretch of that section.
    Stretch(Stretch),
    /// Something that was in the background during these stretches.
    InFlight(InFlight<S>),
    /// The recording of the next row is complete.
    Recorded(Recorded),
    /// The guest is ready for bytes: the host sends them.
    Want(Stream),
    /// The guest sends exactly these bytes: the host compares.
    Sends(Stream),
    /// The guest has written a file with exactly these bytes to its card: the host compares.
    Wrote(File<S>),
    /// The guest asks for a change of the machine around it: the host sets the property.
    Set(Property<S>),
    /// The machine around the guest has this property: the host looks.
    Holds(Property<S>),
    /// A test that this machine can run.
    Test {
        /// Its name, for the command line.
        name: S,
    },
    /// Tests that this machine cannot run.
    Lacking {
        /// The name of a test, or of a module of tests.
        tests: S,
        /// What the machine lacks.
        why: S,
    },
    /// An echo has ended.
    Echoed(Echoed),
    /// A figure of a bench.
    Figure(Figure<S>),
    /// A case of a bench that this board cannot run.
    NotMeasured {
        /// The case.
        case: S,
        /// What the board lacks.
        why: S,
    },
    /// The longest time that an operation keeps interrupts masked.
    Masked(Masked<S>),
    /// Something was counted.
    Count {
        /// What was counted.
        what: S,
        /// The result.
        count: u64,
    },
    /// A wait path was swept.
    Path(SweptPath<S>),
    /// Wait paths that this board cannot run.
    NotSwept {
        /// What is common to their names.
        paths: S,
        /// What the board lacks.
        why: S,
    },
    /// A wait path that is broken on purpose was swept.
    Twin(SweptTwin<S>),
    /// Persistent memory was found. Its log is recovered next.
    Nvdimm(Nvdimm),
    /// The log was recovered or created.
    Recovered(Recovered),
    /// Records were appended and are persistent.
    Appended(Appended),
    /// A soak is running.
    Soaking {
        /// Operations that have ended until now.
        ended: u64,
    },
    /// What a soak has counted.
    Soaked(Soaked),
    /// The last report of a run that reached its end.
    Complete,
}

/// The cells of the tour's table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub enum Kind {
    /// Tried again in the foreground until done.
    #[serde(rename = "blocking synchronous")]
    Blocking,
    /// Tried once in the foreground.
    #[serde(rename = "non-blocking synchronous")]
    NonBlocking,
    /// Started in the foreground and continued in the background.
    #[serde(rename = "asynchronous")]
    Asynchronous,
    /// Does not exist. The row that shows this has this kind.
    #[serde(rename = "blocking asynchronous")]
    BlockingAsynchronous,
    /// Several operations in progress on one core.
    #[serde(rename = "concurrency")]
    Concurrency,
}

impl Kind {
    /// The name that the JSON has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocking => "blocking synchronous",
            Self::NonBlocking => "non-blocking synchronous",
            Self::Asynchronous => "asynchronous",
            Self::BlockingAsynchronous => "blocking asynchronous",
            Self::Concurrency => "concurrency",
        }
    }
}

/// A row of the tour, with what was measured.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Row<S> {
    /// What it shows.
    pub row: S,
    /// Its cell of the table.
    pub kind: Kind,
    /// The call, as short as the table shows it.
    pub call: S,
    /// Whether everything that was checked held.
    pub holds: bool,
    /// How often the operation was tried.
    pub tries: u64,
    /// Interrupts taken.
    pub interrupts: u64,
    /// Instructions executed in the foreground.
    pub foreground_instructions: u64,
    /// How often the core slept.
    pub asleep: u64,
    /// Whether the figures depend on the host's timing, so that they do not repeat.
    pub host_input: bool,
    /// What was checked.
    pub note: S,
}

/// A row of the tour that this machine cannot run.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Absent<S> {
    /// What it would show.
    pub row: S,
    /// Its cell of the table.
    pub kind: Kind,
    /// What the machine lacks.
    pub why: S,
}

/// Which of a row's figures a section of its recording is part of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Counts {
    /// Instructions.
    pub instructions: bool,
    /// Sleeps and interrupts.
    pub events: bool,
    /// Tries.
    pub tries: bool,
}

impl Counts {
    /// Of all.
    pub const ALL: Self = Self { instructions: true, events: true, tries: true };
    /// Of none: it is there to be compared with.
    pub const NOTHING: Self = Self { instructions: false, events: false, tries: false };
    /// Instructions only.
    pub const INSTRUCTIONS: Self = Self { instructions: true, ..Self::NOTHING };
    /// All but instructions.
    pub const REST: Self = Self { instructions: false, ..Self::ALL };
    /// All but tries.
    pub const COST: Self = Self { tries: false, ..Self::ALL };
    /// Tries only.
    pub const TRIES: Self = Self { tries: true, ..Self::NOTHING };

    /// As a number.
    pub const fn bits(self) -> usize {
        self.instructions as usize | (self.events as usize) << 1 | (self.tries as usize) << 2
    }

    /// From that number.
    pub const fn from_bits(bits: usize) -> Self {
        Self { instructions: bits & 1 != 0, events: bits & 2 != 0, tries: bits & 4 != 0 }
    }
}

/// A stretch of the recording of a row: what happened one after the other on the one core, in
/// instructions, without those of the recorder. It is of one kind, unless the recorder had to join
/// several.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize), serde(default))]
pub struct Stretch {
    /// The foreground worked.
    #[serde(skip_serializing_if = "is_zero")]
    pub working: u64,
    /// The foreground tried.
    #[serde(skip_serializing_if = "is_zero")]
    pub trying: u64,
    /// The foreground was asleep.
    #[serde(skip_serializing_if = "is_zero")]
    pub asleep: u64,
    /// A handler ran.
    #[serde(skip_serializing_if = "is_zero")]
    pub handling: u64,
    /// Tries that began, in the foreground or in a handler.
    #[serde(skip_serializing_if = "is_zero")]
    pub tries: u64,
    /// Sleeps that began.
    #[serde(skip_serializing_if = "is_zero")]
    pub sleeps: u64,
    /// Handlers that began.
    #[serde(skip_serializing_if = "is_zero")]
    pub interrupts: u64,
}

impl Stretch {
    /// Its length.
    pub const fn length(&self) -> u64 {
        self.working + self.trying + self.asleep + self.handling
    }
}

fn is_zero(figure: &u64) -> bool {
    *figure == 0
}

/// Something in the background: an operation from its beginning to its end.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct InFlight<S> {
    /// What it is: the type of the operation, or some words.
    pub what: S,
    /// When it began, in instructions after the beginning of the first section. What happened between
    /// the sections is left out.
    pub begin: u64,
    /// When it ended.
    pub end: u64,
    /// Whether it has ended at all.
    pub ended: bool,
}

/// What the recording of a row took. Its stretches do not contain it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Recorded {
    /// How often something was recorded.
    pub marks: u64,
    /// The instructions of that.
    pub instructions: u64,
}

/// A serial port of the guest.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// The first.
    Com1,
    /// The second.
    Com2,
}

/// Bytes on a serial port.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Stream {
    /// The port.
    pub port: Port,
    /// The number of bytes.
    pub bytes: u64,
    /// The bytes are those of [`Xorshift`] from this seed. Where the guest wants bytes, the host may
    /// send others instead, as it does for an echo.
    pub seed: u32,
}

/// A file on the card.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct File<S> {
    /// Its name, in the first folder.
    pub file: S,
    /// The number of bytes.
    pub bytes: u64,
    /// The bytes are those of [`Xorshift`] from this seed.
    pub seed: u32,
}

/// A property of the machine, such as the level of a pin, and its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Property<S> {
    /// The object, as the machine's monitor names it.
    pub object: S,
    /// The property.
    pub property: S,
    /// Its value.
    pub value: bool,
}

/// How an echo went, as the guest saw it.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Echoed {
    /// Bytes received and sent back.
    pub bytes: u64,
    /// Overruns that the UART reported.
    pub overruns: u64,
    /// Bytes that did not come back.
    pub dropped: u64,
}

/// What a case takes beside a peer: instructions or bytes.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
#[serde(bound(
    serialize = "S: AsRef<str> + Serialize",
    deserialize = "S: Default + serde::Deserialize<'de>"
))]
pub struct Figure<S> {
    /// What was counted.
    pub case: S,
    /// What the library takes.
    pub ours: u64,
    /// What it is compared with.
    pub peer: S,
    /// What the peer takes.
    pub peer_value: u64,
    /// Where it was found, or its parts. Empty if there is nothing to say.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub note: S,
    /// Whether it depends on the host's timing, so that it does not repeat.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub host_input: bool,
}

fn is_empty(text: &impl AsRef<str>) -> bool {
    text.as_ref().is_empty()
}

/// The longest time that an operation keeps interrupts masked, in instructions.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Masked<S> {
    /// What was counted.
    pub case: S,
    /// The operation.
    pub operation: S,
    /// Instructions of the longest stretch.
    pub instructions: u64,
    /// Instructions of the whole operation.
    pub of: u64,
    /// An address in the stretch.
    pub address: u64,
    /// What else has to be known of the stretch; empty if nothing.
    pub note: S,
}

/// A wait path whose event was placed at each of its instructions.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct SweptPath<S> {
    /// Its name.
    pub path: S,
    /// Placements tried.
    pub placements: u64,
    /// Instruction boundaries of the path: their addresses where the processor has single steps,
    /// elsewhere how many were executed. The guest has checked that the placements left out none.
    pub addresses: u64,
    /// The second event was placed at each instruction behind every n-th place of the first; 1: all
    /// pairs.
    pub every: u32,
    /// Placements whose event was lost.
    pub lost: u64,
}

/// A wait path that is broken on purpose, swept like a [`SweptPath`].
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct SweptTwin<S> {
    /// Its name.
    pub twin: S,
    /// Placements tried.
    pub placements: u64,
    /// Placements whose event was lost.
    pub lost: u64,
}

impl<S> SweptTwin<S> {
    /// Whether the sweep has found that it is broken.
    pub const fn is_caught(&self) -> bool {
        self.lost > 0
    }
}

/// The persistent memory that the guest has found.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Nvdimm {
    /// Its first physical address.
    pub base: u64,
    /// Its length in bytes.
    pub length: u64,
    /// What survives a power failure.
    pub domain: Domain,
}

/// What survives a power failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// What is in the caches.
    Caches,
    /// What has reached the memory controller.
    MemoryController,
}

/// The log that the guest has recovered or created.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Recovered {
    /// The number of its first record.
    pub first: u64,
    /// The number of the next record.
    pub next: u64,
    /// The FNV-1a digest of number, length and payload of all records.
    pub digest: u64,
    /// Whether there was no log, so that it was created.
    pub created: bool,
}

/// What the guest has appended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Appended {
    /// The number of the next record.
    pub next: u64,
    /// Whether the log would block: the next record does not fit.
    pub full: bool,
}

/// What a soak has counted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[cfg_attr(feature = "std", derive(serde::Deserialize))]
pub struct Soaked {
    /// Operations started.
    pub started: u64,
    /// Those of them with a callback.
    pub started_with: u64,
    /// Operations that ended complete.
    pub completed: u64,
    /// Operations that ended early, because they were cancelled.
    pub cancelled: u64,
    /// Operations that ended by a failure.
    pub failed: u64,
    /// Ends that a job returned.
    pub collected: u64,
    /// Ends that a callback received.
    pub called_back: u64,
    /// Ends of operations whose job was dropped.
    pub given_up: u64,
    /// Ends of operations whose job was forgotten: nothing collects them.
    pub forgotten: u64,
    /// Buffers that went into operations.
    pub lent: u64,
    /// Buffers that came out of operations.
    pub returned: u64,
    /// Ends of operations on a serial port.
    pub serial: u64,
    /// Ends of DMA transfers.
    pub dma: u64,
    /// Ends of countdowns.
    pub timer: u64,
    /// Interrupts taken.
    pub interrupts: u64,
    /// Those of them that found nothing to do.
    pub idle: u64,
    /// Those of them that found a slot being stepped.
    pub contended: u64,
}

impl Soaked {
    /// Operations that have ended.
    pub const fn ended(&self) -> u64 {
        self.completed + self.cancelled + self.failed
    }

    /// Ends of disk requests: those that are of no other device.
    pub const fn disk(&self) -> u64 {
        self.ended().saturating_sub(self.serial + self.dma + self.timer)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    const ROW: &str = r#"{"type":"row","row":"sum","kind":"blocking synchronous","call":"sum()","holds":true,"tries":1,"interrupts":0,"foreground_instructions":12,"asleep":0,"host_input":false,"note":"equal"}"#;
    const WANT: &str = r#"{"type":"want","port":"com2","bytes":4096,"seed":7}"#;
    const FIGURE: &str =
        r#"{"type":"figure","case":"park","ours":51,"peer":"hand-written","peer_value":34}"#;
    const NVDIMM: &str =
        r#"{"type":"nvdimm","base":4294967296,"length":4096,"domain":"memory_controller"}"#;
    const SET: &str = r#"{"type":"set","object":"/machine/gpio","property":"A0","value":true}"#;
    const COMPLETE: &str = r#"{"type":"complete"}"#;

    #[test]
    fn what_is_read_is_written_the_same() {
        for line in [ROW, WANT, FIGURE, NVDIMM, SET, COMPLETE] {
            let report: Report<String> = serde_json::from_str(line).expect(line);
            assert_eq!(serde_json::to_string(&report).unwrap(), line);
        }
        for bad in ["{}", r#"{"type":"ro"#, r#"{"type":"gossip"}"#] {
            assert!(serde_json::from_str::<Report<String>>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reports_are_tagged_by_type() {
        let read = |line| serde_json::from_str::<Report<String>>(line).expect("a report");
        assert!(matches!(read(ROW), Report::Row(Row { tries: 1, holds: true, .. })));
        assert!(matches!(
            read(WANT),
            Report::Want(Stream { port: Port::Com2, bytes: 4096, seed: 7 })
        ));
        assert!(matches!(read(COMPLETE), Report::Complete));
        let Report::Figure(figure) = read(FIGURE) else { panic!("a figure") };
        assert!(figure.note.is_empty() && !figure.host_input);
    }

    #[test]
    fn kinds_are_named_alike_in_both_directions() {
        for kind in [
            Kind::Blocking,
            Kind::NonBlocking,
            Kind::Asynchronous,
            Kind::BlockingAsynchronous,
            Kind::Concurrency,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name().to_string());
        }
    }
}
