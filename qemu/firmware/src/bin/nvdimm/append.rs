//! Appending at full speed, in each form. A record is acknowledged when it is persistent: by the
//! last byte of its number, which acknowledges all before it, too. The byte has left the UART
//! before the next record is begun, so the host knows how many can have been begun besides.

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

/// Records of a batch.
const BATCH: u64 = 8;

/// How records are appended.
#[derive(Clone, Copy)]
pub enum Form {
    /// Each call returns with its record persistent; in a full log it makes room.
    Blocking,
    /// Each call tries once; a full log would block.
    Try,
    /// Several records with one end.
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

/// Who appends.
pub struct Appender {
    pub form: Form,
    pub seed: u32,
    /// Whether a full log is cleared.
    pub clears: bool,
    /// The mistake: acknowledges before it writes.
    pub early: bool,
    pub transmitter: Transmitter<'static, Serial>,
}

impl Appender {
    /// Appends so many records, or until the log is full.
    pub fn append(mut self, mut log: Log<Region>, count: u64) -> Report<'static> {
        let end = log.sequences().end.saturating_add(count);
        let mut full = false;
        loop {
            let begun = log.sequences().end;
            if begun >= end {
                return Report::Appended(Appended { next: begun, full: false });
            }
            let most = if matches!(self.form, Form::Batch) { BATCH.min(end - begun) } else { 1 };
            // What was acknowledged before the log was cleared is not acknowledged again.
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

    /// Appends the next `most` records, fewer if the log is full, and says whether it is. They are
    /// persistent then.
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

/// Whether a try says that the log is full.
fn is_full(tried: nb::Result<u64, TooLong>) -> bool {
    match tried {
        Ok(_) => false,
        Err(nb::Error::WouldBlock) => true,
        Err(nb::Error::Other(error)) => refuse(error),
    }
}
