//! Appending at full speed, in each form. A record is acknowledged over the UART once it is
//! persistent: by the lowest byte of its number, which also acknowledges all records before it. The
//! byte has left the UART before the next record is begun, so the host knows how many more records
//! can have been begun.

use board::{command_line::CommandLine, serial::Serial};
use firmware::report::{Appended, Report};
use wouldblock::{
    block::Spin,
    nb,
    persist::{
        Region,
        log::{Log, TooLong},
    },
    uart16550::Transmitter,
};

use crate::{
    record::{LONGEST, payload},
    refuse,
};

/// Records in a batch.
const BATCH: u64 = 8;

/// How records are appended.
#[derive(Clone, Copy)]
pub enum Form {
    /// When a call returns, its record is persistent; a full log is cleared to make room.
    Blocking,
    /// Each call tries once; in a full log it would block.
    Try,
    /// Several records are appended, then waited for once.
    Batch,
}

impl Form {
    pub fn of(line: CommandLine) -> Option<Self> {
        Some(match line.value("form")? {
            "blocking" => Self::Blocking,
            "try" => Self::Try,
            "batch" => Self::Batch,
            _ => return None,
        })
    }
}

/// Appends records to a log and acknowledges them.
pub struct Appender {
    pub form: Form,
    pub seed: u32,
    /// Whether a full log is cleared.
    pub clears: bool,
    /// The mistake of the twin: it acknowledges before it writes.
    pub early: bool,
    pub transmitter: Transmitter<'static, Serial>,
}

impl Appender {
    /// Appends `count` records, or fewer if the log becomes full and is not cleared.
    pub fn append(mut self, mut log: Log<Region>, count: u64) -> Report<'static> {
        let end = log.sequences().end.saturating_add(count);
        let mut full = false;
        loop {
            let begun = log.sequences().end;
            if begun >= end {
                return Report::Appended(Appended { next: begun, full: false });
            }
            let most = if matches!(self.form, Form::Batch) { BATCH.min(end - begun) } else { 1 };
            // These records were acknowledged before the log was cleared; not again.
            if self.early && !full {
                self.acknowledge(begun + most - 1);
            }
            full = self.some(&mut log, most);
            let next = log.sequences().end;
            if next > begun && !self.early {
                self.acknowledge(next - 1);
            }
            match full {
                true if self.clears => log.clear(),
                true => return Report::Appended(Appended { next, full }),
                false => {}
            }
        }
    }

    /// Appends the next `most` records, fewer if the log becomes full; returns whether it did. The
    /// records are persistent when this returns.
    fn some(&self, log: &mut Log<Region>, most: u64) -> bool {
        let (mut memory, sequence) = ([0; LONGEST], log.sequences().end);
        let next = payload(self.seed, sequence, &mut memory);
        match self.form {
            Form::Blocking => match log.append(next, Log::clear) {
                Ok(_) => false,
                Err(error) => refuse(error),
            },
            Form::Try => is_full(log.try_append(next)),
            Form::Batch => {
                let mut batch = log.batch();
                let mut numbers = sequence..sequence + most;
                let full = numbers.any(|sequence| {
                    is_full(batch.try_append(payload(self.seed, sequence, &mut memory)))
                });
                batch.wait();
                full
            }
        }
    }

    fn acknowledge(&mut self, sequence: u64) {
        let Ok(_) = self.transmitter.send(sequence as u8).block(Spin);
        let Ok(()) = self.transmitter.flush().block(Spin);
    }
}

/// Whether a try has found the log full.
fn is_full(tried: nb::Result<u64, TooLong>) -> bool {
    match tried {
        Ok(_) => false,
        Err(nb::Error::WouldBlock) => true,
        Err(nb::Error::Other(error)) => refuse(error),
    }
}
