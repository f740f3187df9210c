//! What a program on the host reads: one JSON object a line, to QEMU's second debug port, 0xe8.

use serde::Serialize;

/// One line of the report; the field `type` says which.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Report<'a> {
    /// A row of the tour.
    Row {
        /// What it shows.
        row: &'a str,
        /// Where it stands in the table.
        kind: &'a str,
        /// The call, as short as it is shown.
        call: &'a str,
        /// Whether everything that was checked held.
        holds: bool,
        /// How often the operation was tried.
        tries: u64,
        /// Interrupts taken.
        interrupts: u64,
        /// Instructions spent in the foreground.
        foreground_instructions: u64,
        /// How often the foreground slept.
        asleep: u64,
        /// Whether it waited for the host, so that its figures do not repeat.
        host_input: bool,
        /// What was checked.
        note: &'a str,
    },
    /// A row that this machine cannot run.
    Absent {
        /// What it would show.
        row: &'a str,
        /// Where it would stand in the table.
        kind: &'a str,
        /// What is missing.
        why: &'a str,
    },
    /// Asks the host to send a stream of bytes.
    Want {
        /// To `com1` or `com2`.
        port: &'a str,
        /// How many.
        bytes: u64,
        /// What the stream begins with.
        seed: u32,
    },
    /// Has the host compare what comes out of a serial port with such a stream.
    Sends {
        /// Of `com1` or `com2`.
        port: &'a str,
        /// How many bytes, which is all.
        bytes: u64,
        /// What the stream begins with.
        seed: u32,
    },
    /// A test that this machine can run.
    Test {
        /// Its name, for the command line.
        name: &'a str,
    },
    /// The end of an echo.
    Echoed {
        /// Sent back.
        bytes: u64,
        /// Lost in the UART.
        overruns: u64,
        /// Lost in the program.
        dropped: u64,
    },
    /// A figure of the bench, ours beside a peer's.
    Figure {
        /// What was counted.
        case: &'a str,
        /// How many instructions (or bytes).
        ours: u64,
        /// With what it is compared.
        peer: &'a str,
        /// What that takes.
        peer_value: u64,
        /// What belongs to it; empty if nothing does.
        note: &'a str,
        /// Whether it depends on the host's time, so that it does not repeat.
        host_input: bool,
    },
    /// The longest that an operation keeps interrupts masked.
    Masked {
        /// What was counted.
        case: &'a str,
        /// The operation.
        operation: &'a str,
        /// Instructions of the longest stretch.
        instructions: u64,
        /// Instructions of the whole operation.
        of: u64,
        /// An address in the stretch.
        address: u64,
    },
    /// Something that was counted.
    Count {
        /// What.
        what: &'a str,
        /// How many.
        count: u64,
    },
    /// A wait path that was swept.
    Path {
        /// Its name.
        path: &'a str,
        /// Placements tried.
        placements: u64,
        /// Instruction boundaries of the path, each of which was hit.
        addresses: u64,
        /// Placements whose event was lost.
        lost: u64,
    },
    /// A broken path that was swept.
    Twin {
        /// Its name.
        twin: &'a str,
        /// Placements tried.
        placements: u64,
        /// Placements whose event was lost.
        lost: u64,
    },
    /// Persistent memory was found; its log is recovered next.
    Nvdimm {
        /// First physical address.
        base: u64,
        /// Bytes.
        length: u64,
        /// What survives a power cut: `caches` or `memory_controller`.
        domain: &'a str,
    },
    /// The log was recovered, or made.
    Recovered {
        /// Number of the first record.
        first: u64,
        /// Number of the next one.
        next: u64,
        /// Of all records.
        digest: u64,
        /// Whether there was none, so that it was made.
        created: bool,
    },
    /// Records were appended and are persistent.
    Appended {
        /// Number of the next one.
        next: u64,
        /// Whether the log would block: the next one does not fit.
        full: bool,
    },
    /// A soak is at it.
    Soaking {
        /// Operations that have ended so far.
        ended: u64,
    },
    /// What a soak has counted.
    Soaked {
        /// Operations started.
        started: u64,
        /// Those of them with a callback.
        started_with: u64,
        /// Ended, having done all.
        completed: u64,
        /// Ended early, as asked.
        cancelled: u64,
        /// Ended by a failure.
        failed: u64,
        /// Ends that a job has got.
        collected: u64,
        /// Ends that a callback has got.
        called_back: u64,
        /// Ends that nobody wanted.
        given_up: u64,
        /// Ends that nobody will get.
        forgotten: u64,
        /// Buffers that went into operations.
        lent: u64,
        /// Buffers that came out of them.
        returned: u64,
        /// Ends of operations on a serial port.
        serial: u64,
        /// Of DMA transfers.
        dma: u64,
        /// Of countdowns.
        timer: u64,
        /// Interrupts taken.
        interrupts: u64,
        /// Those of them that found nothing to do.
        idle: u64,
        /// Those of them that found a slot being stepped.
        contended: u64,
    },
    /// The last line of a run that did everything.
    Complete,
}

/// Sends one line.
///
/// # Panics
/// If the line would be longer than 2 KiB.
pub fn send(report: &Report) {
    crate::console::send(report);
}
