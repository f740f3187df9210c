//! The edu device's DMA as a background operation.

use super::sleep_until;
use board::{Board, board, idle::Park};
use drivers::dma::{Direction, Dma, LONGEST, Transfer};
use firmware::{
    dma::{self, SLOT},
    executor::Executor,
    measure::count::Counted,
};
use portable_atomic::{AtomicU32, Ordering::Relaxed};
use static_cell::ConstStaticCell;
use wouldblock::{
    job::{Done, Job},
    sync::Mutex,
};

static MEMORY: ConstStaticCell<[u8; LONGEST]> = ConstStaticCell::new([0; LONGEST]);

fn there_and_back(_: &'static Board) {
    let mut engine = dma::take().expect("an engine");
    let sent: [u8; 64] = core::array::from_fn(|n| n as u8 * 3);
    let mut memory = sent;
    assert_eq!(dma::transfer(&mut engine, &mut memory, Direction::ToDevice, Park), 2);
    memory.fill(0);
    assert_eq!(dma::transfer(&mut engine, &mut memory, Direction::ToMemory, Park), 2);
    assert_eq!(memory, sent);
    assert!(!Dma::is_busy());
    assert!(dma::take().is_none(), "there is one");
}
crate::registry::test!(there_and_back, needs Dma);

/// A chain of transfers, each started by the callback of the one before.
fn callbacks_restart(_: &'static Board) {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    static END: Mutex<Option<&'static mut [u8]>> = Mutex::new(None);
    fn next(done: Done<Counted<Transfer>>) {
        assert_eq!(done.op.tries, 1, "the interrupt's");
        let (dma, memory) = done.op.op.into_parts().expect("it has ended");
        let direction = match CALLS.fetch_add(1, Relaxed) {
            0 => Direction::ToMemory,
            1 => Direction::ToDevice,
            2 => {
                memory.fill(0);
                Direction::ToMemory
            }
            _ => {
                if let Ok(mut end) = END.try_lock() {
                    *end = Some(memory);
                }
                return;
            }
        };
        let transfer = Counted::new(dma.into_transfer(memory, direction));
        assert!(SLOT.start_with(transfer, next).is_ok());
    }

    let memory = MEMORY.take();
    memory.iter_mut().enumerate().for_each(|(index, byte)| *byte = (index % 253) as u8);
    let dma = dma::take().expect("an engine");
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToDevice));
    assert!(SLOT.start_with(transfer, next).is_ok());
    sleep_until(|| CALLS.load(Relaxed) == 4);
    let memory = END.try_lock().ok().and_then(|mut end| end.take()).expect("the chain has ended");
    assert!(memory.iter().enumerate().all(|(index, &byte)| byte == (index % 253) as u8));
}
crate::registry::test!(callbacks_restart, needs Dma);

fn a_task_awaits_it(_: &'static Board) {
    static TRIES: Mutex<Option<u64>> = Mutex::new(None);

    #[embassy_executor::task]
    async fn task(job: Job<Counted<Transfer>>) {
        let done = job.await;
        if let Ok(mut tries) = TRIES.try_lock() {
            *tries = Some(done.op.tries);
        }
    }

    let dma = dma::take().expect("an engine");
    let transfer = Counted::new(dma.into_transfer(MEMORY.take(), Direction::ToDevice));
    let job = SLOT.start(transfer).expect("idle");
    let mut executor = Executor::take();
    executor.spawner().spawn(task(job).expect("the task is not running"));
    let tries = executor.run_until(|| *TRIES.try_lock().ok()?, Park);
    assert_eq!(tries, 3, "two of the first poll, one of the interrupt");
    assert_eq!(board::interrupts::taken(), 1);
}
crate::registry::test!(a_task_awaits_it, needs Dma);

/// A detached transfer runs to its end; the slot becomes idle then, not before.
fn detached(_: &'static Board) {
    let dma = dma::take().expect("an engine");
    let transfer = Counted::new(dma.into_transfer(MEMORY.take(), Direction::ToDevice));
    SLOT.start(transfer).expect("idle").detach();
    assert!(!SLOT.is_idle());
    board::idle::sleep();
    assert!(SLOT.is_idle());
    assert!(!Dma::is_busy());
}
crate::registry::test!(detached, needs Dma);

/// The device interrupts without a request: first while idle, then during a transfer. Each
/// interrupt is taken once, since the handler quiets the device, and the transfer ends only when it
/// is done.
fn unrequested_interrupts(_: &'static Board) {
    let edu = board().edu.as_ref().expect("a device");
    let (dma, memory) = (dma::take().expect("an engine"), MEMORY.take());
    let raise = |times: u64| {
        let before = edu.line().taken();
        (0..times).for_each(|_| edu.registers().raise(1));
        sleep_until(|| edu.line().taken() == before + times);
        assert_eq!(edu.registers().interrupt_status(), 0, "quiet");
    };
    raise(100);
    assert!(SLOT.is_idle());
    let job = SLOT.start(Counted::new(dma.into_transfer(memory, Direction::ToDevice)));
    let job = job.expect("an idle slot");
    raise(100);
    assert!(!SLOT.is_idle() && Dma::is_busy());
    let done = job.wait(Park);
    assert_eq!((done.result, done.op.tries), (Ok(()), 102), "100 in vain, the waiter's, the last");
    assert!(done.op.op.into_parts().is_some() && SLOT.is_idle());
}
crate::registry::test!(unrequested_interrupts, needs Dma);
