//! Bytes through a 16550 in loopback, received and sent: blocking, polled and in the background.
//!
//! The polled and the background form are counted with interrupts masked; they are let in when a
//! batch of bytes has arrived, or when there is room. A blocking receive takes as long as the bytes
//! take to arrive, so there the timer delivers the batches, at 115,200 baud. QEMU's transmitter is
//! always empty, so a blocking send never waits.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use board::{
    alarm::{periodic, stop, ticks_per_second},
    interrupts::{Line, without_interrupts},
    serial::{self, Serial},
};
use drivers::buffer::Buffer;
use firmware::{
    measure::{
        count::{Counted, Meter},
        exact::{let_interrupts_in, span},
    },
    serial::COM2,
};
use static_cell::ConstStaticCell;
use wouldblock::{
    block::block,
    job::{Background, Done, Job},
    uart16550::{Receiver, Register, Registers, Transmitter},
};
use x86_64::instructions::interrupts;

use crate::report;

const BYTES: usize = 512;
/// The number of bytes at which the chip interrupts.
const BATCH: usize = 8;
/// Ticks from one batch to the next; a byte is ten bits on the line.
const BATCH_TIME: fn() -> u64 = || ticks_per_second() * 10 * BATCH as u64 / 115_200;

/// What all bytes cost together.
#[derive(Clone, Copy, Default)]
struct Cost {
    instructions: u64,
    interrupts: u64,
}

pub fn cases() {
    static MEMORY: [ConstStaticCell<[u8; BYTES]>; 2] =
        [const { ConstStaticCell::new([0; BYTES]) }; 2];

    let [to_fill, to_send] = MEMORY.each_ref().map(|memory| Buffer::new(memory.take()));
    COM2.install();
    COM2.uart.set_loopback(true);
    interrupts::enable();
    let (mut receiver, mut transmitter) = COM2.uart.split().expect("the port is free");
    let receives = [
        receive_blocking(&mut receiver),
        without_interrupts(|| receive_polled(&mut receiver)),
        without_interrupts(|| receive_in_the_background(receiver, to_fill)),
    ];
    let sends = without_interrupts(|| {
        [
            send_blocking(&mut transmitter),
            send_polled(&mut transmitter),
            send_in_the_background(transmitter, to_send),
        ]
    });
    const FORMS: [&str; 3] = ["bytes, blocking", "bytes, polled", "bytes, in the background"];
    for (case, costs) in [("uart_receive", receives), ("uart_send", sends)] {
        for (form, cost) in FORMS.into_iter().zip(costs) {
            report(case, cost.instructions, form, BYTES as u64, "");
        }
    }
    for (case, costs) in [("uart_receive_interrupts", receives), ("uart_send_interrupts", sends)] {
        for (form, cost) in FORMS.into_iter().zip(costs) {
            report(case, cost.interrupts, form, BYTES as u64, "");
        }
    }
}

const fn byte(index: usize) -> u8 {
    (index % 251) as u8
}

fn check(bytes: &[u8]) {
    assert!(bytes.iter().enumerate().all(|(index, &b)| b == byte(index)), "a byte has changed");
}

/// Delivers a batch, as the far end of the line would: in loopback, by the data register.
fn bring(batch: usize) {
    (batch * BATCH..(batch + 1) * BATCH).for_each(|n| serial::COM2.write(Register::Data, byte(n)));
}

/// Retries in a loop. The only interrupts are the timer's, which are not counted.
fn receive_blocking(receiver: &mut Receiver<'static, Serial>) -> Cost {
    static BATCHES: AtomicUsize = AtomicUsize::new(0);

    Line::Timer.set_handler(|line| {
        let batch = BATCHES.fetch_add(1, Relaxed);
        bring(batch);
        if batch == BYTES / BATCH - 1 {
            stop();
        }
        line.acknowledge();
    });
    Line::Timer.enable();
    let mut bytes = [0; BYTES];
    let before = Line::Com2.taken();
    let (end, cost) = Meter::default().measure(|| {
        periodic(BATCH_TIME());
        block(receiver.read_exact(&mut bytes).into_inner()) // No interrupt is armed.
    });
    assert_eq!(end, Ok(BYTES));
    check(&bytes);
    Cost { instructions: cost.instructions, interrupts: Line::Com2.taken() - before }
}

/// After each batch: one try for each byte, and one that finds no more.
fn receive_polled(receiver: &mut Receiver<'static, Serial>) -> Cost {
    let (mut bytes, mut received, mut instructions) = ([0; BYTES], 0, 0);
    for batch in 0..BYTES / BATCH {
        bring(batch);
        instructions += span(|| {
            while let Ok(byte) = receiver.try_recv() {
                bytes[received] = byte;
                received += 1;
            }
        });
    }
    assert_eq!(received, BYTES);
    check(&bytes);
    Cost { instructions, interrupts: 0 }
}

fn receive_in_the_background(receiver: Receiver<'static, Serial>, buffer: Buffer) -> Cost {
    let op = Counted::new(receiver.into_read_exact(buffer));
    let start = || COM2.receiving.start(op).expect("the slot is idle");
    let (done, cost) = in_the_background(start, bring);
    assert_eq!(done.result, Ok(BYTES));
    check(done.op.op.into_parts().1.as_ref());
    cost
}

fn send_blocking(transmitter: &mut Transmitter<'static, Serial>) -> Cost {
    let bytes: [u8; BYTES] = core::array::from_fn(byte);
    let instructions = span(|| block(transmitter.write_all(&bytes).into_inner()));
    Cost { instructions, interrupts: 0 }
}

/// One try for each byte.
fn send_polled(transmitter: &mut Transmitter<'static, Serial>) -> Cost {
    let bytes: [u8; BYTES] = core::array::from_fn(byte);
    let instructions = span(|| {
        bytes.iter().for_each(|&byte| assert!(transmitter.try_send(byte).is_ok()));
    });
    Cost { instructions, interrupts: 0 }
}

fn send_in_the_background(transmitter: Transmitter<'static, Serial>, buffer: Buffer) -> Cost {
    let op = Counted::new(transmitter.into_write_all(buffer));
    let (done, cost) =
        in_the_background(|| COM2.sending.start(op).expect("the slot is idle"), |_| ());
    assert_eq!(done.result, Ok(BYTES));
    cost
}

/// Runs a job from its start to its end; its interrupts are let in after each batch.
fn in_the_background<A: Background + 'static>(
    start: impl FnOnce() -> Job<A>,
    bring: impl Fn(usize),
) -> (Done<A>, Cost) {
    let mut job = None;
    let mut cost = Cost { instructions: span(|| job = Some(start())), interrupts: 0 };
    let mut job = job.expect("it was started");
    for batch in 0..BYTES / BATCH {
        bring(batch);
        let (taken, instructions) = let_interrupts_in();
        cost.interrupts += taken;
        cost.instructions += instructions;
    }
    let mut done = None;
    cost.instructions += span(|| done = job.attempt().ok());
    (done.expect("all bytes are through"), cost)
}
