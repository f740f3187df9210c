//! The 16550 driver between reads: continuous receive, a change of settings while an operation
//! waits, and halves taken one at a time.

use board::{Board, idle::Park};
use drivers::buffer::Buffer;
use firmware::{
    measure::count::Counted,
    report::{self, Port, Report, Stream, Xorshift},
    serial::{COM1, COM2},
};
use portable_atomic::{AtomicU32, Ordering::Relaxed};
use static_cell::ConstStaticCell;
use wouldblock::{
    block::{Idle, Spin},
    uart16550::{Config, Level, Parity},
};

use super::{sleep_until, uart::looped_back};

/// The host sends without a pause, and the guest reads pieces of random sizes with random pauses:
/// no byte is lost, since the driver does not read the chip while the ring is full.
fn received_continuously_from_the_host(_: &'static Board) {
    const BYTES: usize = 8192;
    const SEED: u32 = 31;
    static RING: ConstStaticCell<[u16; 256]> = ConstStaticCell::new([0; 256]);

    COM1.install();
    assert!(COM1.uart.has_fifo());
    let mut rx = COM1.uart.receiver().expect("free").into_continuous(RING.take());
    report::send(&Report::Want(Stream { port: Port::Com1, bytes: BYTES as u64, seed: SEED }));
    let (mut sizes, mut expected) = (Xorshift::new(7).bytes(), Xorshift::new(SEED).bytes());
    let (mut got, mut full) = (0, 0);
    while got < BYTES {
        if sizes.next().is_some_and(|pause| pause % 4 == 0) {
            // Until the ring is full, or everything has arrived.
            for _ in 0..40 {
                if COM1.enabled() == 0 {
                    full += 1;
                    break;
                }
                // Asked with interrupts held off: a byte that fills the ring just before the sleep ends it.
                Park.idle(|| COM1.enabled() == 0);
            }
        }
        let mut buffer = [0; 256];
        let most = usize::from(sizes.next().expect("without end")) + 1;
        let most = most.min(BYTES - got);
        let count = rx.read(&mut buffer[..most]).block(Park).expect("no byte was lost");
        assert!(buffer[..count].iter().copied().eq(expected.by_ref().take(count)));
        got += count;
        if BYTES - got < 600 {
            break; // What is left no longer fills the ring, so a pause would not end.
        }
    }
    while got < BYTES {
        let mut buffer = [0; 100];
        let most = buffer.len().min(BYTES - got);
        let count = rx.read(&mut buffer[..most]).block(Park).expect("no byte was lost");
        assert!(buffer[..count].iter().copied().eq(expected.by_ref().take(count)));
        got += count;
    }
    assert!(full > 0, "the ring was never full");
    drop(rx);
    assert_eq!(COM1.enabled(), 0);
}
crate::registry::test!(received_continuously_from_the_host);

/// More bytes arrive than the ring and the FIFO hold: the error is reported at the position where
/// bytes are missing.
fn an_overrun_stands_in_its_place(_: &'static Board) {
    static RING: ConstStaticCell<[u16; 20]> = ConstStaticCell::new([0; 20]);

    let (rx, mut tx) = looped_back(&COM2).uart.split().expect("free");
    let mut rx = rx.into_continuous(RING.take());
    for byte in 0..50 {
        assert_eq!(tx.send(byte).block(Spin), Ok(1));
    }
    let (mut buffer, mut got) = ([0; 64], 0);
    let error = loop {
        match rx.read(&mut buffer[got..]).attempt() {
            Ok(count) => got += count,
            Err(nb::Error::Other(error)) => break error,
            Err(nb::Error::WouldBlock) => panic!("the overrun is lost"),
        }
    };
    assert!(error.overrun() && error.lost() >= 1);
    assert_eq!((got, error.index()), (36, 36), "the ring, and a FIFO");
    assert!(buffer[..36].iter().copied().eq(0..36));
    assert_eq!(tx.send(99).block(Spin), Ok(1));
    assert_eq!(rx.read(&mut buffer).block(Park), Ok(1));
    assert_eq!(buffer[0], 99);
}
crate::registry::test!(an_overrun_stands_in_its_place);

/// A background read that reports its end by a callback only: nothing but the interrupt steps it.
fn settings_change_while_a_read_waits(_: &'static Board) {
    static MEMORY: ConstStaticCell<[u8; 8]> = ConstStaticCell::new([0; 8]);
    static ENDS: AtomicU32 = AtomicU32::new(0);

    let (rx, mut tx) = looped_back(&COM1).uart.split().expect("free");
    let op = Counted::new(rx.into_read_exact(Buffer::new(MEMORY.take())));
    COM1.receiving
        .start_with(op, |done| {
            assert_eq!(done.result, Ok(8));
            ENDS.fetch_add(1, Relaxed);
        })
        .expect("idle");
    let config = Config { parity: Parity::Even, level: Level::Four, ..Config::new(2) };
    COM1.uart.configure(&config).expect("never busy");
    COM1.uart.set_loopback(true);
    assert_eq!(COM1.enabled(), 1, "it is still waited for");
    assert_eq!(tx.write_all(b"12345678").block(Spin), Ok(8));
    sleep_until(|| ENDS.load(Relaxed) == 1);
    assert_eq!(COM1.enabled(), 0);
}
crate::registry::test!(settings_change_while_a_read_waits);

fn halves_one_at_a_time(_: &'static Board) {
    let uart = &looped_back(&COM2).uart;
    let mut rx = uart.receiver().expect("free");
    assert!(uart.receiver().is_none() && uart.split().is_none());
    let mut tx = uart.transmitter().expect("free, too");
    assert_eq!(tx.send(b'1').block(Park), Ok(1));
    assert_eq!(rx.recv().block(Park), Ok(b'1'));
    drop(rx);
    let mut rx = uart.receiver().expect("it came back");
    assert_eq!(tx.send(b'2').block(Park), Ok(1));
    assert_eq!(rx.recv().block(Park), Ok(b'2'));
}
crate::registry::test!(halves_one_at_a_time);
