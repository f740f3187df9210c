//! Drivers that were written without regard to cores: their handlers run on the second core, their
//! jobs are started and awaited on the first. Only the executor's `__pender` wakes the first core.

use core::sync::atomic::{AtomicBool, Ordering};

use board::{board, cores::Core, edu::Direction, idle::Park};
use drivers::{
    buffer::Buffer,
    dma::{Dma, LONGEST},
};
use firmware::{
    dma::{self, SLOT},
    executor::Executor,
    measure::count::{Counted, Meter},
    serial::COM1,
};
use static_cell::ConstStaticCell;

use crate::both::count;

/// Transfers into the device and back; each takes 100 ms.
const TRANSFERS: usize = 5;

/// DMA into the device and back, by the edu device's engine.
pub fn dma() {
    static MEMORY: ConstStaticCell<[u8; LONGEST]> = ConstStaticCell::new([0; LONGEST]);

    #[embassy_executor::task]
    async fn task(mut dma: Dma, mut memory: &'static mut [u8]) {
        for round in 0..TRANSFERS {
            let byte = |index: usize| (index * 7 + round) as u8;
            for direction in [Direction::ToDevice, Direction::ToMemory] {
                match direction {
                    Direction::ToDevice => {
                        memory.iter_mut().enumerate().for_each(|(index, cell)| *cell = byte(index));
                    }
                    Direction::ToMemory => memory.fill(0),
                }
                let transfer = Counted::new(dma.into_transfer(memory, direction));
                let done = SLOT.start(transfer).expect("idle").await;
                (dma, memory) = done.op.op.into_parts().expect("it has ended");
            }
            assert!(memory.iter().enumerate().all(|(index, &cell)| cell == byte(index)));
        }
        ENDED.store(true, Ordering::Relaxed);
    }

    let dma = dma::take().expect("an engine");
    board().edu.as_ref().expect("an edu device").line().enable_on(Core::Second);
    let mut executor = Executor::take();
    executor.spawner().spawn(task(dma, MEMORY.take()).expect("the task is not running"));
    let sleeps = run(&mut executor);
    assert!(!Dma::is_busy());
    count("jobs", 2 * TRANSFERS as u64);
    count("wakes by IPI", sleeps);
}

/// Lines of text that are sent.
const LINES: usize = 400;
/// Bytes of a line.
const LINE: usize = 64;

/// Sends whole buffers by the transmitter's interrupts; the host reads them.
pub fn uart() {
    static MEMORY: ConstStaticCell<[u8; LINE]> = ConstStaticCell::new([0; LINE]);

    #[embassy_executor::task]
    async fn task() {
        let mut buffer = Buffer::new(MEMORY.take());
        let (_, mut transmitter) = COM1.uart.split().expect("both halves");
        for line in 0..LINES {
            buffer.as_mut().fill(b'a' + (line % 26) as u8);
            buffer.as_mut()[LINE - 1] = b'\n';
            let sending = Counted::new(transmitter.into_write_all(buffer));
            let done = COM1.sending.start(sending).expect("idle").await;
            assert_eq!(done.result, Ok(LINE));
            (transmitter, buffer) = done.op.op.into_parts();
        }
        ENDED.store(true, Ordering::Relaxed);
    }

    COM1.install();
    COM1.line().enable_on(Core::Second);
    let mut executor = Executor::take();
    executor.spawner().spawn(task().expect("the task is not running"));
    let sleeps = run(&mut executor);
    count("jobs", LINES as u64);
    count("wakes by IPI", sleeps);
}

/// Whether the task has ended.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Runs the task to its end; returns how often this core slept.
fn run(executor: &mut Executor) -> u64 {
    let meter = Meter::default();
    let ((), cost) = meter.measure(|| {
        executor.run_until(|| ENDED.load(Ordering::Relaxed).then_some(()), meter.counting(Park));
    });
    assert!(cost.interrupts >= cost.asleep, "an interrupt ended every sleep");
    cost.asleep
}
