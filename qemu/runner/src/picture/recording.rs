//! What the guest has recorded of a row, and its sums.

use crate::report::{Counts, InFlight, Recorded, Report, Stretch};

/// The recording of a row.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The spans that were measured. What was between them is not recorded.
    pub sections: Vec<Section>,
    /// What was in the background meanwhile.
    pub flights: Vec<InFlight>,
    /// What recording took.
    pub recorded: Recorded,
}

/// A span that was measured.
#[derive(Clone, Debug)]
pub struct Section {
    /// Which figures of the row it is part of.
    pub counts: Counts,
    /// What happened, one after the other.
    pub stretches: Vec<Stretch>,
}

/// The figures of a row as its recording has them. `None` where no section is part of that figure.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// How often the operation was tried.
    pub tries: Option<u64>,
    /// Interrupts taken.
    pub interrupts: Option<u64>,
    /// Instructions executed in the foreground.
    pub instructions: Option<u64>,
    /// How often the core slept.
    pub asleep: Option<u64>,
}

impl Recording {
    /// Takes in a report. Returns the recording of a row when it is complete: the row is the next
    /// report.
    pub fn add(&mut self, report: &Report) -> Option<Self> {
        match report {
            Report::Section(counts) => {
                self.sections.push(Section { counts: *counts, stretches: Vec::new() });
            }
            Report::Stretch(stretch) => {
                // A stretch without a section would be missing in the sums, which are checked.
                if let Some(section) = self.sections.last_mut() {
                    section.stretches.push(*stretch);
                }
            }
            Report::InFlight(flight) => self.flights.push(flight.clone()),
            Report::Recorded(recorded) => {
                return Some(Self { recorded: *recorded, ..std::mem::take(self) });
            }
            _ => {}
        }
        None
    }

    /// The length of all sections together.
    pub fn length(&self) -> u64 {
        self.sections.iter().map(Section::length).sum()
    }

    /// The sums of what is part of each figure.
    pub fn figures(&self) -> Figures {
        let sum = |part: fn(&Counts) -> bool, figure: fn(&Stretch) -> u64| {
            let mut sections =
                self.sections.iter().filter(|section| part(&section.counts)).peekable();
            sections.peek()?;
            Some(sections.flat_map(|section| &section.stretches).map(figure).sum())
        };
        Figures {
            tries: sum(|counts| counts.tries, |stretch| stretch.tries),
            interrupts: sum(|counts| counts.events, |stretch| stretch.interrupts),
            instructions: sum(
                |counts| counts.instructions,
                |stretch| stretch.working + stretch.trying,
            ),
            asleep: sum(|counts| counts.events, |stretch| stretch.sleeps),
        }
    }
}

impl Section {
    /// Its length.
    pub fn length(&self) -> u64 {
        self.stretches.iter().map(Stretch::length).sum()
    }
}
