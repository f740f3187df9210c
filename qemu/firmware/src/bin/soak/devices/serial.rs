//! Two serial ports in loopback, each in both directions.

use board::{interrupts::Line, serial::Serial};
use drivers::buffer::Buffer;
use firmware::serial::{COM1, COM2, Port};
use static_cell::ConstStaticCell;
use wouldblock::{
    attempt::Progress,
    job::Slot,
    uart16550::{LineError, ReadExact, Receiver, Transmitter, WriteAll},
};

use crate::{
    counts::{COUNTS, Count, How},
    endpoint::Endpoint,
    kept::{Home, Kept, Work},
    random::Random,
};

type Reading = ReadExact<Receiver<'static, Serial>, Buffer>;
type Writing = WriteAll<Transmitter<'static, Serial>, Buffer>;

/// Bytes of a serial buffer: more than the chip's FIFO holds.
const BYTES: usize = 24;

static PORTS: [&Port; 2] = [&COM1, &COM2];
static READING: [Slot<Kept<Reading>>; 2] = [const { Slot::new() }; 2];
static WRITING: [Slot<Kept<Writing>>; 2] = [const { Slot::new() }; 2];

/// The ports.
pub struct Ports {
    reading: [Endpoint<Reading>; 2],
    writing: [Endpoint<Writing>; 2],
}

impl Ports {
    /// The ports, once.
    pub fn take() -> Option<Self> {
        static READERS: [Home<Reading>; 2] = [const { Home::new() }; 2];
        static WRITERS: [Home<Writing>; 2] = [const { Home::new() }; 2];
        static BUFFERS: [ConstStaticCell<[u8; BYTES]>; 4] =
            [const { ConstStaticCell::new([0; BYTES]) }; 4];

        PORTS.iter().for_each(|port| {
            port.install();
            port.uart.set_loopback(true);
        });
        COM1.line().set_handler(on_serial::<0>);
        COM2.line().set_handler(on_serial::<1>);
        let mut halves = PORTS.map(|port| {
            port.uart.split().map(|(receiver, transmitter)| (Some(receiver), Some(transmitter)))
        });
        let mut buffers = BUFFERS.iter().map(|buffer| Buffer::new(buffer.take()));
        let mut readers = [None, None];
        let mut writers = [None, None];
        for (nth, halves) in halves.iter_mut().enumerate() {
            let (receiver, transmitter) = halves.as_mut()?;
            let read = receiver.take()?.into_read_exact(buffers.next()?);
            let write = transmitter.take()?.into_write_all(buffers.next()?);
            let (reading, writing) = (&READING[nth], &WRITING[nth]);
            readers[nth] = Some(Endpoint::new(reading, &READERS[nth], read, read_again, false));
            writers[nth] = Some(Endpoint::new(writing, &WRITERS[nth], write, write_again, true));
        }
        let ([Some(r0), Some(r1)], [Some(w0), Some(w1)]) = (readers, writers) else { return None };
        Some(Self { reading: [r0, r1], writing: [w0, w1] })
    }

    /// Does something at random with the n-th operation.
    pub fn act(&mut self, n: u64, random: &mut Random) {
        match n {
            n @ 1..384 => self.reading[(n % 2) as usize].act(random),
            n => self.writing[(n % 2) as usize].act(random),
        }
    }

    /// Whether no bytes are being sent.
    pub fn have_sent(&mut self) -> bool {
        self.writing.iter_mut().all(Endpoint::is_drained)
    }

    /// Waits until no operation runs. A read without a job cannot be cancelled, so it is sent the
    /// bytes that it lacks.
    pub fn drain(&mut self, random: &mut Random) {
        for (reading, writing) in self.reading.iter_mut().zip(&mut self.writing) {
            while !reading.is_drained() {
                writing.act(random);
            }
            while !writing.is_drained() {}
        }
    }
}

fn on_serial<const PORT: usize>(line: Line) {
    let owed = PORTS[PORT].uart.on_interrupt();
    let stepped = (READING[PORT].on_interrupt(), WRITING[PORT].on_interrupt());
    COUNTS.handled(&[&stepped.0, &stepped.1]);
    line.acknowledge();
    drop((owed, stepped));
}

fn length(random: &mut Random) -> usize {
    1 + random.below(BYTES as u64) as usize
}

/// Bytes sent while no read runs overrun the chip. The next read fails then; no end is lost.
fn read_again(last: Reading, random: &mut Random) -> Reading {
    let (receiver, buffer) = last.into_parts();
    receiver.into_read_exact(buffer.truncated(length(random)))
}

fn write_again(last: Writing, random: &mut Random) -> Writing {
    let (transmitter, buffer) = last.into_parts();
    transmitter.into_write_all(buffer.truncated(length(random)))
}

/// How an operation on a whole buffer ended. Once cancelled it counts as cancelled, also if it had
/// reached its end.
fn whole<E>(result: &Result<usize, E>, cancelled: bool, progress: usize) -> How {
    match result {
        Ok(count) => {
            assert_eq!(*count, progress);
            if cancelled { How::Cancelled } else { How::Completed }
        }
        Err(_) => How::Failed,
    }
}

impl Work for Reading {
    const DEVICE: &Count = &COUNTS.serial;

    fn how(&self, result: &Result<usize, LineError>, cancelled: bool) -> How {
        whole(result, cancelled, self.progress())
    }
}

impl Work for Writing {
    const DEVICE: &Count = &COUNTS.serial;

    fn how(&self, result: &Result<usize, core::convert::Infallible>, cancelled: bool) -> How {
        whole(result, cancelled, self.progress())
    }
}
