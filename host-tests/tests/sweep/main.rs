//! The preemption sweep over the library's own wait paths: an interrupt at every boundary, then at
//! every pair of boundaries. The broken twins in `twins` and `promises` show that every check can
//! fail.

mod compose;
mod device;
mod digital;
mod edges;
mod event;
mod job;
mod nested;
mod polled;
mod promises;
mod scope;
mod slots;
mod sync;
mod timeouts;
mod twins;
mod uart;

use std::time::Duration;

use fakes::{
    leak,
    sweep::{caught, clean},
};
use wouldblock::{
    event::{Operation, wait::Wait},
    testing::Cpu,
    time,
};

/// A form in which a test waits for an operation.
#[derive(Clone, Copy, Debug)]
enum Form {
    Block,
    /// With a deadline that is too far away to be reached.
    Bounded,
    Await,
}

impl Form {
    const ALL: [Self; 3] = [Self::Block, Self::Bounded, Self::Await];

    /// Waits for the end of `op` in this form.
    fn run<W: Wait>(self, cpu: &Cpu, mut op: Operation<W>) -> Result<W::Output, W::Error> {
        match self {
            Self::Block => op.block(cpu),
            Self::Await => cpu.block_on(op),
            Self::Bounded => match op.block_for(cpu, cpu.clock(), Duration::from_secs(1000)) {
                Ok(output) => Ok(output),
                Err(time::Error::Other(error)) => Err(error),
                Err(time::Error::TimedOut) => panic!("timed out"),
            },
        }
    }
}
