//! Continuous receive: the bytes that come between reads are in the ring.

use super::*;
use fakes::fake_16550::{Fifo, Odd};
use wouldblock::{
    adapter::Reader,
    io::Read as _,
    uart16550::{ContinuousReceiver, LineError, Quirks},
};

type Rx = ContinuousReceiver<'static, Port>;

fn ring(entries: usize) -> &'static mut [u16] {
    vec![0; entries].leak()
}

fn continuous(entries: usize) -> (Port, &'static Uart<Port>, Rx, Transmitter<'static, Port>) {
    let (chip, uart, receiver, transmitter) = port();
    (chip, uart, receiver.into_continuous(ring(entries)), transmitter)
}

/// All bytes and errors that reads return now.
fn drain(receiver: &mut Rx) -> (Vec<u8>, Vec<LineError>) {
    let (mut all, mut errors, mut buffer) = (Vec::new(), Vec::new(), [0; 24]);
    loop {
        let end = receiver.read(&mut buffer).attempt();
        match end {
            Ok(count) => all.extend(&buffer[..count]),
            Err(nb::Error::Other(error)) => errors.push(error),
            Err(WouldBlock) => return (all, errors),
        }
    }
}

#[test]
fn nothing_is_lost_between_reads_up_to_the_rings_size() {
    for size in [1, 7, 16, 100, 1000] {
        let (chip, uart, mut receiver, _transmitter) = continuous(size);
        let mut cpu = cpu(chip, uart);
        for _ in 0..3 {
            chip.far_end_sends(&bytes(size));
            cpu.run(size as u32 + 10);
            assert!(receiver.is_readable());
            assert_eq!(drain(&mut receiver), (bytes(size), vec![]));
            assert!(!receiver.is_readable());
        }
        assert_eq!(chip.lost(), 0);
    }
    // The twin reads without a ring.
    let (chip, uart, mut receiver, _transmitter) = port();
    chip.far_end_sends(&bytes(100));
    cpu(chip, uart).run(110);
    assert!(chip.lost() > 0 && receiver.try_recv().is_err());
}

#[test]
fn every_form_reads_from_it() {
    let (chip, uart, mut receiver, _transmitter) = continuous(64);
    let mut cpu = cpu(chip, uart);
    let mut buffer = [0; 32];
    assert_eq!(receiver.read(&mut []).attempt(), Ok(0));
    assert_eq!(receiver.read(&mut buffer).attempt(), Err(WouldBlock));
    chip.far_end_sends(b"blocking");
    assert_eq!(receiver.read(&mut buffer).block(&mut cpu), Ok(8));
    assert_eq!((&buffer[..8], cpu.asleep), (&b"blocking"[..], 1));
    chip.far_end_sends(b"awaited");
    assert_eq!(run(&mut cpu, receiver.read(&mut buffer)), Ok(7));
    assert_eq!(&buffer[..7], b"awaited");
    let time = std::cell::Cell::new(0);
    let clock = FakeClock::<32> { per_look: 1, ..FakeClock::new(&time) };
    let soon = Duration::from_millis(50);
    let mut read = receiver.read(&mut buffer);
    let end = read.block_for(cpu.with_alarm(), clock, soon);
    assert_eq!(end, Err(wouldblock::time::Error::TimedOut));
    chip.far_end_sends(b"bounded");
    assert_eq!(read.block_for(cpu.with_alarm(), clock, soon), Ok(7));
    drop(read);
    assert_eq!(chip.contents().enabled, 0b01, "the handler continues to fill the ring");
    // Through the adapters.
    chip.far_end_sends(b"adapted");
    cpu.run(20);
    let mut reader = Reader::with_idle(receiver, &mut cpu);
    assert!(embedded_io::ReadReady::read_ready(&mut reader).unwrap());
    assert_eq!(embedded_io::Read::read(&mut reader, &mut buffer[..3]), Ok(3));
    assert_eq!(embedded_hal_nb::serial::Read::read(&mut reader), Ok(b'p'));
    let mut read = Box::pin(embedded_io_async::Read::read(&mut reader, &mut buffer));
    assert_eq!(poll(&mut read, Waker::noop()), Poll::Ready(Ok(3)));
}

#[test]
fn it_needs_no_interrupt_where_the_caller_looks() {
    let (chip, _uart, mut receiver, _transmitter) = continuous(64);
    chip.far_end_sends(&bytes(10));
    (0..10).for_each(|_| chip.tick());
    assert_eq!(drain(&mut receiver), (bytes(10), vec![]));
}

#[test]
fn a_full_ring_leaves_the_rest_to_the_chip_and_to_flow_control() {
    let (chip, uart, mut receiver, _transmitter) = continuous(32);
    let mut cpu = cpu(chip, uart);
    let all = bytes(500);
    let (mut sent, mut got) = (0, Vec::<u8>::new());
    for round in 0..200 {
        // The far end stops sending while the FIFO is full.
        for _ in 0..20 {
            if sent < all.len() && chip.contents().received.len() < 16 {
                chip.far_end_sends(&all[sent..=sent]);
                sent += 1;
            }
            cpu.run(1);
        }
        if round == 9 {
            assert_eq!((sent, chip.contents().enabled), (48, 0), "the ring and the FIFO are full");
        }
        if round >= 10 {
            let mut buffer = [0; 5];
            let end = receiver.read(&mut buffer).attempt();
            match end {
                Ok(count) => got.extend(&buffer[..count]),
                Err(error) => assert_eq!(error, WouldBlock),
            }
        }
    }
    assert_eq!((sent, chip.lost(), got.len()), (500, 0, 500));
    assert_eq!(got, all);
}

#[test]
fn an_overrun_stands_where_the_bytes_are_missing() {
    for fifo in [Fifo::Works, Fifo::Absent] {
        for lost in [1, 5, 40] {
            let chip = Fake16550::with(Odd { fifo, ..Odd::default() });
            let uart = leak(Uart::with_quirks(chip, Quirks::NONE));
            uart.initialize(1, Level::default());
            let mut receiver = uart.receiver().unwrap().into_continuous(ring(32));
            let mut cpu = cpu(chip, uart);
            let depth = if fifo == Fifo::Works { 16 } else { 1 };
            // Without a FIFO, the bytes before the last one are lost.
            let all = bytes(32 + depth + lost);
            chip.far_end_sends(&all);
            cpu.run(all.len() as u32 + 10);
            assert_eq!(chip.lost(), lost, "the ring is full, and so is the chip");
            let (mut got, errors) = drain(&mut receiver);
            let [error] = errors[..] else { panic!("{errors:?}") };
            let before = if fifo == Fifo::Works { 48 } else { 32 };
            assert!(error.overrun() && !error.parity());
            assert_eq!((error.index(), error.lost()), (before, 1));
            // The ring continues, and the next error counts from here.
            chip.far_end_sends(&all);
            chip.far_end_sends_badly(0, fake_16550::PARITY);
            let error = loop {
                cpu.run(1);
                let (more, errors) = drain(&mut receiver);
                got.extend(more);
                if let [error] = errors[..] {
                    break error;
                }
            };
            assert!(error.parity() && !error.overrun());
            assert_eq!((error.index(), error.lost()), (got.len() - before, 0));
            let mut expected = all[..before].to_vec();
            expected.extend(&all[before + lost..]);
            expected.extend(&all);
            assert_eq!(got, expected);
        }
    }
}

#[test]
fn each_error_stands_in_its_place() {
    let (chip, uart, mut receiver, mut transmitter) = continuous(64);
    let mut cpu = cpu(chip, uart);
    chip.far_end_sends(b"ab");
    chip.far_end_sends_badly(0, fake_16550::PARITY);
    chip.far_end_sends_badly(0, fake_16550::BREAK);
    chip.far_end_sends(b"cde");
    for _ in 0..20 {
        cpu.run(1);
        _ = transmitter.try_send(0); // It reads LSR, which clears the errors there.
    }
    let mut buffer = [0; 16];
    let mut read = || {
        let end = receiver.read(&mut buffer).attempt();
        end.map_err(|error| match error {
            nb::Error::Other(error) => (error.parity(), error.break_received(), error.index()),
            WouldBlock => panic!("nothing"),
        })
    };
    assert_eq!(read(), Ok(2));
    assert_eq!(read(), Err((true, false, 2)));
    assert_eq!(read(), Err((false, true, 0)));
    assert_eq!(read(), Ok(3));
}

#[test]
fn its_end_gives_the_half_and_the_memory_back() {
    let (chip, uart, receiver, _transmitter) = continuous(16);
    let mut cpu = cpu(chip, uart);
    chip.far_end_sends(b"gone");
    cpu.run(10);
    assert!(uart.receiver().is_none());
    let (mut receiver, ring) = receiver.into_parts();
    assert_eq!((ring.len(), chip.contents().enabled), (16, 0));
    chip.far_end_sends(b"x");
    assert_eq!(receiver.recv().block(&mut cpu), Ok(b'x'));
    let again = receiver.into_continuous(ring);
    assert_eq!(chip.contents().enabled, 1);
    drop(again);
    assert_eq!(chip.contents().enabled, 0);
    assert!(uart.receiver().is_some());
}

#[test]
fn new_settings_leave_it_on() {
    let (chip, uart, mut receiver, _transmitter) = continuous(64);
    let mut cpu = cpu(chip, uart);
    uart.initialize(3, Level::Four);
    chip.far_end_sends(&bytes(50));
    cpu.run(60);
    assert_eq!((drain(&mut receiver), chip.lost()), ((bytes(50), vec![]), 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    /// Bytes, errors and pauses, reads at any time, a ring of any size: everything comes out once,
    /// in order, except the bytes that the chip has lost. An error stands where they are missing.
    #[test]
    fn everything_comes_out_in_its_place(
        size in 1..80_usize,
        acts in prop::collection::vec((0..6_u8, 1..40_usize), 1..60),
    ) {
        let (chip, uart, mut receiver, mut transmitter) = continuous(size);
        let mut cpu = cpu(chip, uart);
        let (mut sent, mut heard, mut next) = (Vec::new(), Vec::new(), 0_u8);
        let (mut overruns, mut since) = (0, 0);
        for (act, count) in acts.into_iter().chain([(3, 39); 60]) {
            match act {
                0 | 1 => for _ in 0..count {
                    next = next.wrapping_add(1);
                    sent.push(Ok(next));
                    chip.far_end_sends(&[next]);
                },
                2 => {
                    sent.push(Err(()));
                    chip.far_end_sends_badly(0, fake_16550::PARITY);
                }
                4 => _ = transmitter.try_send(0),
                _ => {
                    cpu.run(count as u32);
                    if act == 3 {
                        let mut buffer = [0; 40];
                        let end = receiver.read(&mut buffer[..count]).attempt();
                        match end {
                            Ok(taken) => {
                                since += taken;
                                heard.extend(buffer[..taken].iter().map(|&byte| Ok(byte)));
                            }
                            Err(nb::Error::Other(error)) => {
                                prop_assert_eq!(error.index(), std::mem::take(&mut since));
                                prop_assert_eq!(error.lost() > 0, error.overrun());
                                overruns += error.lost();
                                if error.parity() {
                                    heard.push(Err(()));
                                }
                            }
                            Err(WouldBlock) => {}
                        }
                    }
                }
            }
        }
        prop_assert!(overruns <= chip.lost() && (overruns > 0) == (chip.lost() > 0));
        prop_assert_eq!(heard.len() + chip.lost(), sent.len());
        let mut sent = sent.iter();
        prop_assert!(heard.iter().all(|heard| sent.any(|sent| sent == heard)));
    }
}
