//! Two serial ports in loopback, each in both directions; the DMA engine; the timer.

use board::{counter::frequency, interrupts::Line, serial::Serial};
use drivers::{
    buffer::Buffer,
    dma::{self, Direction, Dma},
    timer::{Cancelled, Countdown, Timer},
};
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
static DMA: Slot<Kept<dma::Transfer>> = Slot::new();
static TIMER: Slot<Kept<Countdown>> = Slot::new();

/// All devices but the disk.
pub struct Devices {
    reading: [Endpoint<Reading>; 2],
    writing: [Endpoint<Writing>; 2],
    dma: Endpoint<dma::Transfer>,
    timer: Endpoint<Countdown>,
}

impl Devices {
    /// Takes the devices, and installs their handlers. Returns `None` the second time, or if a
    /// device is missing.
    pub fn take() -> Option<Self> {
        static READERS: [Home<Reading>; 2] = [const { Home::new() }; 2];
        static WRITERS: [Home<Writing>; 2] = [const { Home::new() }; 2];
        static ENGINE: Home<dma::Transfer> = Home::new();
        static CLOCK: Home<Countdown> = Home::new();
        static BUFFERS: [ConstStaticCell<[u8; BYTES]>; 4] =
            [const { ConstStaticCell::new([0; BYTES]) }; 4];
        static MEMORY: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);

        let engine = Dma::take()?.into_transfer(MEMORY.take(), Direction::ToDevice);
        dma::line()?.set_handler(on_dma);
        let clock = Timer::take()?.after(0);
        Line::Timer.set_handler(on_timer);
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
        Some(Self {
            reading: [r0, r1],
            writing: [w0, w1],
            dma: Endpoint::new(&DMA, &ENGINE, engine, transfer_again, true),
            timer: Endpoint::new(&TIMER, &CLOCK, clock, count_again, true),
        })
    }

    /// Does something at random with one of the devices; rarely with the DMA engine, whose transfer
    /// takes 100 ms.
    pub fn act(&mut self, random: &mut Random) {
        match random.below(1024) {
            0 => self.dma.act(random),
            n @ 1..384 => self.reading[(n % 2) as usize].act(random),
            n @ 384..768 => self.writing[(n % 2) as usize].act(random),
            _ => self.timer.act(random),
        }
    }

    /// Waits until no operation runs. A read without a job cannot be cancelled, so it is sent the
    /// bytes that it lacks.
    pub fn drain(&mut self) {
        let mut random = Random::new(0);
        while !self.writing.iter_mut().all(Endpoint::is_drained)
            || !self.dma.is_drained()
            || !self.timer.is_drained()
        {}
        for (reading, writing) in self.reading.iter_mut().zip(&mut self.writing) {
            while !reading.is_drained() {
                writing.act(&mut random);
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

fn on_dma(line: Line) {
    dma::quiet();
    let stepped = DMA.on_interrupt();
    COUNTS.handled(&[&stepped]);
    line.acknowledge();
    drop(stepped);
}

fn on_timer(line: Line) {
    let stepped = TIMER.on_interrupt();
    COUNTS.handled(&[&stepped]);
    line.acknowledge();
    drop(stepped);
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

fn transfer_again(last: dma::Transfer, random: &mut Random) -> dma::Transfer {
    let direction = if random.below(2) == 0 { Direction::ToDevice } else { Direction::ToMemory };
    let (dma, memory) = last.into_parts().expect("the transfer is not running");
    dma.into_transfer(memory, direction)
}

/// A countdown of up to 100 µs.
fn count_again(last: Countdown, random: &mut Random) -> Countdown {
    last.into_timer().after(random.below(frequency() / 10_000))
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

impl Work for dma::Transfer {
    const DEVICE: &Count = &COUNTS.dma;

    fn how(&self, _: &Result<(), core::convert::Infallible>, _: bool) -> How {
        How::Completed
    }
}

impl Work for Countdown {
    const DEVICE: &Count = &COUNTS.timer;

    fn how(&self, result: &Result<(), Cancelled>, _: bool) -> How {
        if result.is_ok() { How::Completed } else { How::Cancelled }
    }
}
