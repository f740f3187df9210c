//! The reference driver in every form, over `fakes::fake_16550` with its 8259, which latches true
//! edges. There is a boundary before each register access.

mod continuous;

use std::time::Duration;

use fakes::fake_16550::Fake16550;
use wouldblock::{
    attempt::Progress,
    job::Slot,
    testing::{Sweep, World, boundary},
    time::Deadline,
    uart16550::{
        Level, ReadExact, ReadToIdle, Receiver, Register, Registers, Transmitter, Uart, WriteAll,
    },
};

use crate::{clean, leak};

/// The chip's registers, with a boundary before each access.
#[derive(Clone, Copy)]
struct Port(&'static Fake16550);

impl Registers for Port {
    fn read(&self, register: Register) -> u8 {
        boundary();
        self.0.read(register)
    }

    fn write(&self, register: Register, value: u8) {
        boundary();
        self.0.write(register, value);
    }
}

type Reads = ReadExact<Receiver<'static, Port>, [u8; 10]>;
type Empty = ReadExact<Receiver<'static, Port>, [u8; 0]>;
type Messages = ReadToIdle<Receiver<'static, Port>, [u8; 32]>;
type Writes = WriteAll<Transmitter<'static, Port>, [u8; 20]>;

/// The chip and its driver. Each event of the sweep is `characters` character times, in which the
/// far end sends what it has not sent yet.
struct Rig {
    chip: &'static Fake16550,
    uart: &'static Uart<Port>,
    reads: &'static Slot<Reads>,
    empty: &'static Slot<Empty>,
    messages: &'static Slot<Messages>,
    writes: &'static Slot<Writes>,
    characters: u32,
}

impl Rig {
    /// A chip whose far end will send `bytes`.
    fn new(bytes: &[u8], characters: u32) -> Self {
        let chip = Fake16550::new();
        let uart = leak(Uart::new(Port(chip)));
        uart.initialize(1, Level::default());
        chip.far_end_sends(bytes);
        let (reads, messages, writes) = (leak(Slot::new()), leak(Slot::new()), leak(Slot::new()));
        Self { chip, uart, reads, empty: leak(Slot::new()), messages, writes, characters }
    }

    fn receiver(&self) -> Receiver<'static, Port> {
        self.uart.split().unwrap().0
    }

    fn transmitter(&self) -> Transmitter<'static, Port> {
        self.uart.split().unwrap().1
    }

    /// A transmitter that is full.
    fn full(&self) -> Transmitter<'static, Port> {
        let mut transmitter = self.transmitter();
        while transmitter.try_send(0).is_ok() {}
        transmitter
    }

    /// Asserts that no interrupt is left enabled.
    #[track_caller]
    fn assert_disarmed(&self) {
        assert_eq!(self.chip.contents().enabled, 0);
    }
}

impl World for Rig {
    fn event(&self) {
        (0..self.characters).for_each(|_| self.chip.tick());
    }

    fn deliver(&self) -> bool {
        self.chip.deliver(&mut || {
            let news = self.uart.on_interrupt();
            let read = (self.reads.on_interrupt(), self.messages.on_interrupt());
            let driven = (read, self.writes.on_interrupt(), self.empty.on_interrupt());
            drop((news, driven)); // After the end of interrupt.
        })
    }
}

/// So few bytes that only the FIFO's time-out announces them.
const FEW: &[u8] = b"abc";
/// More bytes than the trigger level, at which the chip announces them at once.
const MANY: &[u8; 10] = b"abcdefghij";

fn few() -> Rig {
    Rig::new(FEW, 8)
}

fn many() -> Rig {
    Rig::new(MANY, 5)
}

fn silent() -> Rig {
    Rig::new(&[], 10)
}

#[test]
fn receive_one() {
    let report = Sweep::new("uart, recv, blocking").run(few, |rig, cpu| {
        let mut receiver = rig.receiver();
        for &byte in FEW {
            assert_eq!(receiver.recv().block(cpu), Ok(byte));
        }
        rig.assert_disarmed();
    });
    clean(&report, 14);
    let report = Sweep::new("uart, recv, awaited").run(few, |rig, cpu| {
        let mut receiver = rig.receiver();
        for &byte in FEW {
            assert_eq!(cpu.block_on(receiver.recv()), Ok(byte));
        }
        rig.assert_disarmed();
    });
    clean(&report, 20);
    let report = Sweep::new("uart, recv, with a deadline").needs(0).run(few, |rig, cpu| {
        let mut receiver = rig.receiver();
        let deadline = Deadline::after(cpu.clock(), Duration::from_secs(1));
        let end = receiver.recv().block_until(cpu, &deadline);
        rig.assert_disarmed();
        // After a time-out, the next try finds a byte that has come. (One may also come during that
        // try.)
        let came = cpu.events();
        let end = end.or_else(|_| receiver.try_recv());
        assert!(end == Ok(b'a') || came == 0);
    });
    clean(&report, 31);
}

#[test]
fn read() {
    // The bytes come in two lots; the sweep places the second lot by itself.
    let report = Sweep::new("uart, read, blocking").needs(3).run(many, |rig, cpu| {
        let (mut receiver, mut buffer, mut filled) = (rig.receiver(), [0; 10], 0);
        while filled < 10 {
            filled += receiver.read(&mut buffer[filled..]).block(cpu).unwrap();
        }
        assert_eq!(&buffer, MANY);
        rig.assert_disarmed();
    });
    clean(&report, 41);
    let report = Sweep::new("uart, read_exact, blocking").needs(3).run(many, |rig, cpu| {
        let (mut receiver, mut buffer) = (rig.receiver(), [0; 10]);
        assert_eq!(receiver.read_exact(&mut buffer).block(cpu), Ok(10));
        assert_eq!(&buffer, MANY);
        rig.assert_disarmed();
    });
    clean(&report, 41);
    let report = Sweep::new("uart, read_exact, awaited").needs(3).run(many, |rig, cpu| {
        let (mut receiver, mut buffer) = (rig.receiver(), [0; 10]);
        assert_eq!(cpu.block_on(receiver.read_exact(&mut buffer)), Ok(10));
        assert_eq!(&buffer, MANY);
        rig.assert_disarmed();
    });
    clean(&report, 45);
}

#[test]
fn read_dropped_in_the_middle() {
    let report =
        Sweep::new("uart, read_exact, dropped and resumed").needs(3).run(many, |rig, cpu| {
            let (mut receiver, mut buffer) = (rig.receiver(), [0; 10]);
            let mut op = receiver.read_exact(&mut buffer);
            let waker = std::task::Waker::noop();
            let filled = match fakes::waker::poll(&mut op, waker) {
                std::task::Poll::Ready(end) => end.unwrap(),
                std::task::Poll::Pending => op.progress(),
            };
            drop(op);
            rig.assert_disarmed();
            let rest = cpu.block_on(receiver.read_exact(&mut buffer[filled..]));
            assert_eq!(rest, Ok(10 - filled));
            assert_eq!(&buffer, MANY);
        });
    clean(&report, 10);
}

#[test]
fn read_in_the_background() {
    let report = Sweep::new("uart, read_exact, job, wait").needs(3).run(many, |rig, cpu| {
        let job = rig.reads.start(rig.receiver().into_read_exact([0; 10])).unwrap();
        let done = job.wait(cpu);
        assert_eq!((done.result, &done.op.into_parts().1), (Ok(10), MANY));
        rig.assert_disarmed();
    });
    clean(&report, 40);
    let report = Sweep::new("uart, read_exact, job, await").needs(3).run(many, |rig, cpu| {
        let job = rig.reads.start(rig.receiver().into_read_exact([0; 10])).unwrap();
        let done = cpu.block_on(job);
        assert_eq!((done.result, &done.op.into_parts().1), (Ok(10), MANY));
        rig.assert_disarmed();
    });
    clean(&report, 52);
    let report = Sweep::new("uart, read_exact, job, cancel").needs(0).run(many, |rig, _| {
        let mut job = rig.reads.start(rig.receiver().into_read_exact([0; 10])).unwrap();
        job.cancel();
        let done = job.attempt().unwrap();
        let filled = done.result.unwrap();
        assert_eq!(done.op.into_parts().1[..filled], MANY[..filled]);
        rig.assert_disarmed();
    });
    clean(&report, 32);
}

#[test]
fn read_to_idle() {
    // Ten bytes, then silence. At the trigger level of eight, the driver takes all bytes but one;
    // the FIFO's time-out announces the rest. Two events bring the bytes, two may come before the
    // driver takes those, and one is the silence after them.
    let report = Sweep::new("uart, read_to_idle, blocking").needs(5).run(many, |rig, cpu| {
        let (mut receiver, mut buffer) = (rig.receiver(), [0; 32]);
        assert_eq!(receiver.read_to_idle(&mut buffer).block(cpu), Ok(10));
        assert_eq!(&buffer[..10], MANY);
        rig.assert_disarmed();
    });
    clean(&report, 60);
    let report = Sweep::new("uart, read_to_idle, awaited").needs(5).run(many, |rig, cpu| {
        let (mut receiver, mut buffer) = (rig.receiver(), [0; 32]);
        assert_eq!(cpu.block_on(receiver.read_to_idle(&mut buffer)), Ok(10));
        assert_eq!(&buffer[..10], MANY);
        rig.assert_disarmed();
    });
    clean(&report, 70);
    let report = Sweep::new("uart, read_to_idle, job, wait").needs(5).run(many, |rig, cpu| {
        let op = rig.receiver().into_read_to_idle([0; 32]);
        let done = rig.messages.start(op).unwrap().wait(cpu);
        assert_eq!((done.result, &done.op.into_parts().1[..10]), (Ok(10), &MANY[..]));
        rig.assert_disarmed();
    });
    clean(&report, 55);
    let report = Sweep::new("uart, read_to_idle, job, await").needs(5).run(many, |rig, cpu| {
        let job = rig.messages.start(rig.receiver().into_read_to_idle([0; 32])).unwrap();
        let done = cpu.block_on(job);
        assert_eq!((done.result, &done.op.into_parts().1[..10]), (Ok(10), &MANY[..]));
        rig.assert_disarmed();
    });
    clean(&report, 55);
}

#[test]
fn read_to_idle_beside_a_write() {
    // What the read asks the chip must not clear the transmitter's interrupt.
    let report =
        Sweep::new("uart, read_to_idle beside a job that writes").needs(8).run(many, |rig, cpu| {
            let (receiver, transmitter) = rig.uart.split().unwrap();
            let writes = rig.writes.start(transmitter.into_write_all([7; 20])).unwrap();
            let reads = rig.messages.start(receiver.into_read_to_idle([0; 32])).unwrap();
            assert_eq!(cpu.block_on(reads).result, Ok(10));
            assert_eq!(writes.wait(cpu).result, Ok(20));
            rig.assert_disarmed();
        });
    clean(&report, 90);
}

#[test]
fn write() {
    let report = Sweep::new("uart, send, blocking").needs(3).run(silent, |rig, cpu| {
        assert_eq!(rig.full().send(7).block(cpu), Ok(1));
        rig.assert_disarmed();
    });
    clean(&report, 32);
    let report = Sweep::new("uart, write_all, blocking").needs(6).run(silent, |rig, cpu| {
        assert_eq!(rig.transmitter().write_all([7; 40]).block(cpu), Ok(40));
        rig.assert_disarmed();
    });
    clean(&report, 72);
    let report = Sweep::new("uart, write_all, awaited").needs(6).run(silent, |rig, cpu| {
        assert_eq!(cpu.block_on(rig.transmitter().write_all([7; 40])), Ok(40));
        rig.assert_disarmed();
    });
    clean(&report, 78);
    let report = Sweep::new("uart, write and flush").needs(6).limit(60).run(silent, |rig, cpu| {
        let mut transmitter = rig.full();
        assert_eq!(cpu.block_on(transmitter.write(&[7; 20])), Ok(16));
        let mut tries = 0;
        while transmitter.flush().attempt().is_err() {
            tries += 1;
            if tries % 4 == 0 {
                rig.event();
            }
        }
        assert!(rig.chip.far_end_received().len() > 16);
    });
    clean(&report, 48);
}

#[test]
fn write_in_the_background() {
    let report = Sweep::new("uart, write_all, job, wait").needs(4).run(silent, |rig, cpu| {
        let done = rig.writes.start(rig.transmitter().into_write_all([7; 20])).unwrap().wait(cpu);
        assert_eq!(done.result, Ok(20));
        rig.assert_disarmed();
    });
    clean(&report, 40);
    let report = Sweep::new("uart, write_all, job, await").needs(4).run(silent, |rig, cpu| {
        let job = rig.writes.start(rig.transmitter().into_write_all([7; 20])).unwrap();
        assert_eq!(cpu.block_on(job).result, Ok(20));
        rig.assert_disarmed();
    });
    clean(&report, 52);
    let report = Sweep::new("uart, write_all, job, cancel").needs(0).run(silent, |rig, _| {
        let mut job = rig.writes.start(rig.transmitter().into_write_all([7; 20])).unwrap();
        job.cancel();
        let sent = job.attempt().unwrap().result.unwrap();
        (0..40).for_each(|_| rig.chip.tick());
        assert_eq!(
            rig.chip.far_end_received().len(),
            sent,
            "it has sent the reported number of bytes"
        );
        rig.assert_disarmed();
    });
    clean(&report, 20);
}

#[test]
fn both_ways_at_once() {
    // The two halves share the enable register and one interrupt line.
    let rig = || Rig::new(MANY, 5);
    let report = Sweep::new("uart, both ways, jobs").needs(8).run(rig, |rig, cpu| {
        let (receiver, transmitter) = rig.uart.split().unwrap();
        let reads = rig.reads.start(receiver.into_read_exact([0; 10])).unwrap();
        let writes = rig.writes.start(transmitter.into_write_all([7; 20])).unwrap();
        assert_eq!(reads.wait(cpu).result, Ok(10));
        assert_eq!(writes.wait(cpu).result, Ok(20));
        rig.assert_disarmed();
    });
    clean(&report, 68);
}
