//! `uart16550`: every form, over a chip that panics at misuse (`fakes::fake_16550`) and an 8259
//! that latches true edges. A test also fails if an interrupt never comes again, or a byte is lost.

mod configure;
mod continuous;
mod duplex;
mod idle;
mod mmio;

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    time::Duration,
};

use fakes::{
    clock::FakeClock,
    fake_16550::{self, Access, Cpu, Fake16550},
    leak,
    waker::{Call, counting, hooked, poll},
};
use proptest::prelude::*;
use wouldblock::{
    Attempt,
    attempt::Progress,
    block,
    job::{Done, Slot},
    nb::{self, Error::WouldBlock},
    uart16550::{Level, ReadExact, Receiver, Register, Transmitter, Uart, WriteAll},
};

type Port = &'static Fake16550;

/// A chip that is set up, its driver, and the driver's two halves.
fn port() -> (Port, &'static Uart<Port>, Receiver<'static, Port>, Transmitter<'static, Port>) {
    let chip = Fake16550::new();
    let uart = leak(Uart::new(chip));
    uart.initialize(1, Level::default());
    chip.accesses();
    let (receiver, transmitter) = uart.split().unwrap();
    (chip, uart, receiver, transmitter)
}

/// A CPU whose handler is the one line that the documentation shows.
fn cpu(chip: Port, uart: &'static Uart<Port>) -> Cpu<impl FnMut()> {
    Cpu::new(chip, move || drop(uart.on_interrupt()))
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n * 7 + n / 256) as u8).collect()
}

/// Runs `future` as an executor does: polls it when it was woken, and sleeps otherwise.
fn run<F: Future + Unpin>(cpu: &mut Cpu<impl FnMut()>, mut future: F) -> F::Output {
    let woken = Arc::new(AtomicBool::new(true));
    let wake = woken.clone();
    let waker = hooked(move |call| {
        if call == Call::Wake {
            wake.store(true, SeqCst);
        }
    });
    loop {
        if woken.swap(false, SeqCst)
            && let Poll::Ready(output) = poll(&mut future, &waker)
        {
            return output;
        }
        if !woken.load(SeqCst) {
            assert!(!cpu.chip.is_quiet(), "suspended for ever: {:?}", cpu.chip);
            cpu.run(1);
        }
    }
}

#[test]
fn it_is_set_up_with_interrupts_masked_and_no_old_error() {
    let chip = Fake16550::new();
    let uart = leak(Uart::new(chip));
    assert_eq!(chip.accesses(), []);
    uart.initialize(0x0102, Level::default());
    let contents = chip.contents();
    assert_eq!(contents.divisor, [2, 1]);
    assert_eq!((contents.line_control, contents.modem_control, contents.enabled), (3, 0b1011, 0));
    let (mut receiver, _) = uart.split().unwrap();
    assert_eq!(receiver.try_recv(), Err(WouldBlock));
}

#[test]
fn halves_are_handed_out_once() {
    let (_, uart, receiver, transmitter) = port();
    for _ in 0..3 {
        assert!(uart.split().is_none());
    }
    drop(receiver);
    for _ in 0..3 {
        assert!(uart.split().is_none(), "the transmitter is still in use");
    }
    drop(transmitter);
    assert!(uart.split().is_some());
}

#[test]
fn a_try_takes_one_byte_or_nothing() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    assert_eq!(receiver.try_recv(), Err(WouldBlock));
    chip.far_end_sends(b"ab");
    cpu(chip, uart).run(2);
    assert_eq!(receiver.try_recv(), Ok(b'a'));
    assert_eq!(receiver.try_recv(), Ok(b'b'));
    assert_eq!(receiver.try_recv(), Err(WouldBlock));

    chip.set_stuck(true);
    assert_eq!(transmitter.try_send(b'1'), Ok(()));
    assert_eq!(transmitter.try_send(b'2'), Err(WouldBlock));
    chip.tick(); // The byte moves to the shift register and is stuck there.
    assert_eq!(transmitter.try_send(b'2'), Ok(()));
    assert_eq!(transmitter.try_send(b'3'), Err(WouldBlock));
    chip.set_stuck(false);
    cpu(chip, uart).run(4);
    assert_eq!(chip.far_end_received(), b"12");
    assert_eq!(chip.contents().enabled, 0);
    assert_eq!(chip.edges(), 0, "a try enables no interrupt");
}

#[test]
fn blocking_forms_sleep_move_everything_and_leave_interrupts_as_before() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    let mut cpu = cpu(chip, uart);
    let all = bytes(1000);

    assert_eq!(transmitter.write_all(&all).block(&mut cpu), Ok(1000));
    assert_eq!(chip.contents().enabled, 0);
    assert!(cpu.asleep > 0);
    while transmitter.flush().attempt().is_err() {
        cpu.run(1);
    }
    assert_eq!(chip.far_end_received(), all);

    chip.far_end_sends(&all);
    let mut buffer = vec![0; 1000];
    assert_eq!(receiver.read_exact(&mut buffer).block(&mut cpu), Ok(1000));
    assert_eq!((buffer, chip.lost()), (all.clone(), 0));
    assert_eq!(chip.contents().enabled, 0);

    chip.far_end_sends(&all[..100]);
    let mut read = Vec::<u8>::new();
    while read.len() < 100 {
        let mut buffer = [0; 32];
        let count = receiver.read(&mut buffer).block(&mut cpu).unwrap();
        assert!((1..=16).contains(&count));
        read.extend(&buffer[..count]);
        assert_eq!(chip.contents().enabled, 0);
    }
    assert_eq!(read, all[..100]);

    let mut sent = 0;
    while sent < 100 {
        sent += transmitter.write(&all[sent..100]).block(&mut cpu).unwrap();
        assert_eq!(chip.contents().enabled, 0);
    }
    for &byte in &all[..50] {
        assert_eq!(transmitter.send(byte).block(&mut cpu), Ok(1));
    }
    chip.far_end_sends(&all[..50]);
    for &byte in &all[..50] {
        assert_eq!(receiver.recv().block(&mut cpu), Ok(byte));
        assert_eq!(chip.contents().enabled, 0);
    }
    cpu.run(40);
    assert_eq!(chip.far_end_received(), [&all[..100], &all[..50]].concat());
}

#[test]
fn a_single_byte_below_the_trigger_wakes_by_the_timeout() {
    let (chip, uart, mut receiver, _transmitter) = port();
    let mut cpu = cpu(chip, uart);
    for byte in *b"abc" {
        chip.far_end_sends(&[byte]);
        assert_eq!(receiver.recv().block(&mut cpu), Ok(byte));
    }
    assert_eq!(cpu.asleep, 3);
    // A read may also leave bytes behind, of which only the time-out tells.
    chip.far_end_sends(b"hello");
    for byte in *b"hello" {
        assert_eq!(run(&mut cpu, receiver.recv()), Ok(byte));
    }
}

#[test]
fn to_ask_whether_it_is_ready_takes_nothing() {
    use wouldblock::io::{Read, Write};
    let (chip, uart, mut receiver, mut transmitter) = port();
    let mut cpu = cpu(chip, uart);
    assert!(!receiver.is_readable() && transmitter.is_writable());
    chip.far_end_sends_badly(b'?', fake_16550::PARITY);
    chip.far_end_sends(b"x");
    cpu.run(2);
    chip.set_stuck(true);
    transmitter.try_send(1).unwrap();
    for _ in 0..5 {
        assert!(receiver.is_readable() && !transmitter.is_writable());
    }
    assert!(matches!(receiver.try_recv(), Err(nb::Error::Other(_))));
    assert!(receiver.is_readable());
    assert_eq!(receiver.try_recv(), Ok(b'x'));
    assert!(!receiver.is_readable());
    assert_eq!(chip.contents().enabled, 0);
}

#[test]
fn empty_buffers_touch_nothing() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    chip.far_end_sends(b"x");
    cpu(chip, uart).run(1);
    assert_eq!(receiver.read(&mut []).attempt(), Ok(0));
    assert_eq!(receiver.read_exact([]).attempt(), Ok(0));
    assert_eq!(transmitter.write(&[]).attempt(), Ok(0));
    assert_eq!(transmitter.write_all([]).attempt(), Ok(0));
    assert_eq!(receiver.try_recv(), Ok(b'x'));
    assert!(!chip.accesses().iter().any(|access| matches!(access, Access::Write(..))));
}

#[test]
fn forms_with_a_deadline_time_out_and_leave_nothing_enabled() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    let mut cpu = cpu(chip, uart);
    let time = std::cell::Cell::new(0);
    let clock = FakeClock::<32> { per_look: 1, ..FakeClock::new(&time) };
    let soon = Duration::from_millis(5);

    assert_eq!(
        receiver.recv().block_for(cpu.with_alarm(), clock, soon),
        Err(wouldblock::time::Error::TimedOut)
    );
    assert_eq!(chip.contents().enabled, 0);
    chip.set_stuck(true);
    let mut write = transmitter.write_all(bytes(100));
    assert_eq!(
        write.block_for(cpu.with_alarm(), clock, soon),
        Err(wouldblock::time::Error::TimedOut)
    );
    assert_eq!(chip.contents().enabled, 0);
    let progress = write.progress();
    assert!(
        (16..=32).contains(&progress),
        "a FIFO, and the bytes that went to the shift register: {progress}"
    );
    // The caller still has the operation, which continues where it was.
    chip.set_stuck(false);
    assert_eq!(write.block(&mut cpu), Ok(100));
    cpu.run(40);
    assert_eq!(chip.far_end_received(), bytes(100));

    let mut read = receiver.read_exact([0; 10]);
    chip.far_end_sends(b"0123");
    assert_eq!(
        read.block_for(cpu.with_alarm(), clock, Duration::from_millis(50)),
        Err(wouldblock::time::Error::TimedOut)
    );
    assert_eq!((read.progress(), chip.contents().enabled), (4, 0));
    let (_, buffer) = read.into_inner().into_parts();
    assert_eq!(&buffer[..4], b"0123");
}

#[test]
fn awaited_forms_move_everything_on_any_executor() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    let mut cpu = cpu(chip, uart);
    let all = bytes(500);
    chip.far_end_sends(&all);
    let mut buffer = vec![0; 500];
    {
        // Both directions at once, in one task.
        let (read, write) = (receiver.read_exact(&mut buffer), transmitter.write_all(&all));
        let both = futures_util::future::join(read, write);
        assert_eq!(run(&mut cpu, Box::pin(both)), (Ok(500), Ok(500)));
    }
    cpu.run(40);
    assert_eq!((chip.far_end_received(), chip.lost()), (all.clone(), 0));
    assert_eq!((buffer, chip.contents().enabled), (all, 0));
}

#[test]
fn an_awaited_form_that_is_dropped_masks_its_own_interrupt_only() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    chip.set_stuck(true);
    transmitter.try_send(0).unwrap();
    {
        let mut write = transmitter.write_all(*b"abc");
        assert!(poll(&mut write, Waker::noop()).is_pending());
        {
            let mut read = receiver.recv();
            assert!(poll(&mut read, Waker::noop()).is_pending());
            assert_eq!(chip.contents().enabled, 0b11);
        }
        assert_eq!(chip.contents().enabled, 0b10);
    }
    assert_eq!(chip.contents().enabled, 0);
    chip.set_stuck(false);
    cpu(chip, uart).run(40);
    assert_eq!(chip.far_end_received(), [0], "an operation that was dropped sends nothing");
}

type ReadJob = ReadExact<Receiver<'static, Port>, Vec<u8>>;
type WriteJob = WriteAll<Transmitter<'static, Port>, Vec<u8>>;

/// The handler with the slots of both directions.
fn background(
    chip: Port,
    uart: &'static Uart<Port>,
) -> (&'static Slot<ReadJob>, &'static Slot<WriteJob>, Cpu<impl FnMut()>) {
    let (reads, writes) = (leak(Slot::<ReadJob>::new()), leak(Slot::<WriteJob>::new()));
    let handler = move || {
        let news = uart.on_interrupt();
        let driven = (reads.on_interrupt(), writes.on_interrupt());
        drop((driven, news));
    };
    (reads, writes, Cpu::new(chip, handler))
}

#[test]
fn in_the_background_the_handler_moves_everything() {
    let (chip, uart, receiver, transmitter) = port();
    let (reads, writes, mut cpu) = background(chip, uart);
    let all = bytes(4096);
    chip.far_end_sends(&all);
    let read = reads.start(receiver.into_read_exact(vec![0; 4096])).unwrap();
    let write = writes.start(transmitter.into_write_all(all.clone())).unwrap();
    assert!(
        !chip.accesses().iter().any(|access| matches!(access, Access::Read(..))),
        "a start reads nothing"
    );
    cpu.run(4200); // Nothing is polled.
    assert!(chip.contents().received.is_empty());
    assert_eq!(chip.contents().enabled, 0, "the end of an operation masks its interrupt");
    let Done { op, result } = read.wait(&mut cpu);
    assert_eq!(result, Ok(4096));
    let (receiver, buffer) = op.into_parts();
    assert_eq!((buffer, chip.lost()), (all.clone(), 0));
    let Done { op, result } = write.wait(&mut cpu);
    assert_eq!(result, Ok(4096));
    let (transmitter, _) = op.into_parts();
    assert_eq!(chip.far_end_received(), all);

    // The halves come back with their operations and can be used again, awaited this time.
    let read = reads.start(receiver.into_read_exact(vec![0; 100])).unwrap();
    chip.far_end_sends(&all[..100]);
    let done = run(&mut cpu, read);
    assert_eq!(done.op.into_parts().1, all[..100]);
    let write = writes.start(transmitter.into_write_all(all[..100].to_vec())).unwrap();
    assert_eq!(run(&mut cpu, write).result, Ok(100));
}

#[test]
fn in_the_background_a_stuck_device_starts_as_a_ready_one() {
    let (chip, uart, _receiver, mut transmitter) = port();
    let (_, writes, mut cpu) = background(chip, uart);
    chip.set_stuck(true);
    transmitter.write_all([0; 16]).attempt().unwrap();
    chip.accesses();
    let mut job = writes.start(transmitter.into_write_all(bytes(64))).unwrap();
    assert_eq!(chip.accesses(), [Access::Write(Register::InterruptEnable, 0b10)]);
    cpu.run(10);
    assert!(job.attempt().is_err());
    // Cancelled, it ends with the number of bytes that the chip has taken.
    job.cancel();
    let done = job.wait(&mut cpu);
    assert_eq!(done.result, Ok(done.op.progress()));
    assert_eq!(chip.contents().enabled, 0);
    chip.set_stuck(false);
    cpu.run(80);
    assert_eq!(chip.far_end_received().len(), 16 + done.op.progress());
}

#[test]
fn in_the_background_a_cancelled_read_keeps_what_has_come() {
    let (chip, uart, receiver, _transmitter) = port();
    let (reads, _, mut cpu) = background(chip, uart);
    let mut job = reads.start(receiver.into_read_exact(vec![0; 100])).unwrap();
    chip.far_end_sends(b"hello");
    cpu.run(20);
    job.cancel();
    let done = job.wait(&mut cpu);
    assert_eq!((done.result, done.op.progress()), (Ok(5), 5));
    let (mut receiver, buffer) = done.op.into_parts();
    assert_eq!(&buffer[..5], b"hello");
    chip.far_end_sends(b"!");
    assert_eq!(receiver.recv().block(&mut cpu), Ok(b'!'));
}

#[test]
fn line_errors_are_reported_once_with_their_byte_dropped() {
    type Is = fn(wouldblock::uart16550::LineError) -> bool;
    let kinds: [(u8, Is); 3] = [
        (fake_16550::PARITY, |error| error.parity() && !error.framing() && !error.break_received()),
        (fake_16550::FRAMING, |error| error.framing() && !error.parity()),
        (fake_16550::BREAK | fake_16550::FRAMING, |error| {
            error.break_received() && error.framing()
        }),
    ];
    for (bits, is) in kinds {
        let (chip, uart, mut receiver, _transmitter) = port();
        chip.far_end_sends(b"ab");
        chip.far_end_sends_badly(b'?', bits);
        chip.far_end_sends(b"cd");
        cpu(chip, uart).run(5);
        let mut buffer = [0; 16];
        assert_eq!(receiver.read(&mut buffer).attempt(), Ok(2), "up to the error");
        let Err(nb::Error::Other(error)) = receiver.try_recv() else { panic!("{bits:#x} is lost") };
        assert!(is(error) && !error.overrun(), "{error}");
        assert_eq!(receiver.read(&mut buffer).attempt(), Ok(2));
        assert_eq!(&buffer[..2], b"cd");
        assert_eq!(receiver.try_recv(), Err(WouldBlock));
    }
}

#[test]
fn an_overrun_is_reported_once_and_no_byte_of_the_fifo_is_lost() {
    let (chip, uart, mut receiver, _transmitter) = port();
    chip.far_end_sends(&bytes(20));
    cpu(chip, uart).run(20);
    assert_eq!(chip.lost(), 4);
    let Err(nb::Error::Other(error)) = receiver.try_recv() else { panic!("the overrun is lost") };
    assert!(error.overrun() && !error.parity());
    let mut buffer = [0; 20];
    assert_eq!(receiver.read(&mut buffer).attempt(), Ok(16));
    assert_eq!(buffer[..16], bytes(20)[..16]);
    assert_eq!(receiver.try_recv(), Err(WouldBlock));
}

#[test]
fn what_the_transmitter_reads_loses_no_error_of_the_receiver() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    chip.far_end_sends_badly(b'?', fake_16550::PARITY);
    chip.far_end_sends(b"ok");
    let mut cpu = cpu(chip, uart);
    cpu.run(3);
    chip.set_stuck(true);
    for _ in 0..5 {
        _ = transmitter.try_send(0);
        _ = transmitter.flush().attempt();
    }
    let Err(nb::Error::Other(error)) = receiver.try_recv() else { panic!("the error is lost") };
    assert!(error.parity());
    assert_eq!(receiver.try_recv(), Ok(b'o'));
    assert_eq!(receiver.try_recv(), Ok(b'k'));
    assert_eq!(receiver.try_recv(), Err(WouldBlock));

    // An error wakes a receiver that waits, and its poll returns that error.
    let mut read = receiver.recv();
    let (waker, wakes) = counting();
    assert!(poll(&mut read, &waker).is_pending());
    chip.far_end_sends_badly(b'?', fake_16550::FRAMING);
    for _ in 0..10 {
        cpu.run(1);
        _ = transmitter.try_send(0);
    }
    assert!(wakes.load(SeqCst) > 0);
    let Poll::Ready(Err(error)) = poll(&mut read, &waker) else { panic!("the error is lost") };
    assert!(error.framing());
}

#[test]
fn an_error_ends_a_long_read_and_what_came_stays() {
    let (chip, uart, mut receiver, _transmitter) = port();
    let mut cpu = cpu(chip, uart);
    chip.far_end_sends(b"abc");
    chip.far_end_sends_badly(b'?', fake_16550::PARITY);
    chip.far_end_sends(b"def");
    let mut buffer = [0; 6];
    let mut read = receiver.read_exact(&mut buffer);
    assert!(run(&mut cpu, &mut read).unwrap_err().parity());
    assert_eq!((read.progress(), chip.contents().enabled), (3, 0));
    assert_eq!(run(&mut cpu, read), Ok(6)); // It continues after the error.
    assert_eq!(&buffer, b"abcdef");
}

#[test]
fn extra_tries_change_nothing() {
    let (chip, _uart, mut receiver, mut transmitter) = port();
    chip.set_stuck(true);
    transmitter.write_all([1; 16]).attempt().unwrap();
    chip.tick();
    let before = chip.contents();
    chip.accesses();
    for _ in 0..100 {
        assert_eq!(receiver.try_recv(), Err(WouldBlock));
        assert_eq!(receiver.read(&mut [0; 9]).attempt(), Err(WouldBlock));
        assert_eq!(receiver.read_exact([0; 9]).attempt(), Err(WouldBlock));
        assert_eq!(transmitter.try_send(3), Err(WouldBlock));
        assert_eq!(transmitter.write(&[3; 9]).attempt(), Err(WouldBlock));
        assert_eq!(transmitter.write_all([3; 9]).attempt(), Err(WouldBlock));
        assert_eq!(transmitter.flush().attempt(), Err(WouldBlock));
    }
    assert_eq!(chip.contents(), before);
    let accesses = chip.accesses();
    assert_eq!(accesses.len(), 700, "one read of LSR for each try");
    assert!(accesses.iter().all(|access| matches!(access, Access::Read(Register::LineStatus, _))));
}

#[test]
fn a_batch_in_the_background_asks_the_chip_nothing_twice() {
    let (chip, uart, receiver, _transmitter) = port();
    let (reads, _, _) = background(chip, uart);
    let _read = reads.start(receiver.into_read_exact(vec![0; 64])).unwrap();
    chip.far_end_sends(&bytes(8));
    (0..8).for_each(|_| chip.tick());
    chip.accesses();
    assert!(chip.deliver(&mut || drop((uart.on_interrupt(), reads.on_interrupt()))));
    let accesses = chip.accesses();
    let count = |register: Register, write: bool| {
        let this = |access: &&Access| match **access {
            Access::Read(read, _) => !write && read == register,
            Access::Write(written, _) => write && written == register,
        };
        accesses.iter().filter(this).count()
    };
    assert_eq!(
        count(Register::InterruptIdentification, false),
        1,
        "every source is masked by then"
    );
    assert_eq!(count(Register::Data, false), 8);
    assert_eq!(count(Register::LineStatus, false), 8 + 1, "one for each byte, one that finds none");
    assert_eq!(count(Register::InterruptEnable, true), 2, "masked and enabled again");
    assert_eq!(accesses.len(), 1 + 8 + 9 + 2);
}

#[test]
fn the_handler_quiets_the_line_before_it_wakes() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    let (waker, wakes) = counting();
    let mut read = receiver.recv();
    let mut write = transmitter.send(1);
    assert!(poll(&mut read, &waker).is_pending());
    chip.set_stuck(true);
    assert!(poll(&mut write, &waker).is_ready());
    chip.tick();
    drop(write);
    transmitter.try_send(2).unwrap();
    let mut write = transmitter.send(3);
    assert!(poll(&mut write, &waker).is_pending());
    chip.far_end_sends(b"x");
    chip.set_stuck(false);
    (0..10).for_each(|_| chip.tick());

    assert!(chip.deliver(&mut || {
        let news = uart.on_interrupt();
        assert!(news.received.is_owed() && news.emptied.is_owed());
        assert_eq!(wakes.load(SeqCst), 0, "the handler has not acknowledged the interrupt yet");
        assert_eq!(chip.contents().enabled, 0);
        drop(news);
        assert_eq!(wakes.load(SeqCst), 2);
    }));
    assert_eq!(chip.edges(), 1);
    assert_eq!(poll(&mut read, &waker), Poll::Ready(Ok(b'x')));
    assert_eq!(poll(&mut write, &waker), Poll::Ready(Ok(1)));

    // An interrupt of another device: nothing is owed, and nothing is written.
    chip.accesses();
    struct NoSource;
    impl wouldblock::uart16550::Registers for NoSource {
        fn read(&self, register: Register) -> u8 {
            assert_eq!(register, Register::InterruptIdentification);
            0xc1
        }
        fn write(&self, _: Register, _: u8) {
            panic!("a write, where there is nothing to write");
        }
    }
    let news = Uart::new(NoSource);
    let news = news.on_interrupt();
    assert!(!news.received.is_owed() && !news.emptied.is_owed());
}

#[test]
fn a_source_that_does_not_go_away_ends_the_handler_with_a_new_edge() {
    /// Reports "modem status" for ever.
    struct Stuck;
    static WRITES: std::sync::Mutex<Vec<(Register, u8)>> = std::sync::Mutex::new(Vec::new());
    impl wouldblock::uart16550::Registers for Stuck {
        fn read(&self, _: Register) -> u8 {
            0b0000
        }
        fn write(&self, register: Register, value: u8) {
            WRITES.lock().unwrap().push((register, value));
        }
    }
    let uart = Uart::new(Stuck);
    let (mut receiver, _transmitter) = uart.split().unwrap();
    let mut armed = receiver.recv();
    assert!(poll(&mut armed, std::task::Waker::noop()).is_pending());
    let news = uart.on_interrupt();
    assert!(!news.received.is_owed() && !news.emptied.is_owed());
    let enable = Register::InterruptEnable;
    assert_eq!(*WRITES.lock().unwrap(), [(enable, 1), (enable, 0), (enable, 1)]);
}

#[test]
fn loopback_brings_back_what_was_sent_and_nothing_from_the_line() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    let mut cpu = cpu(chip, uart);
    uart.set_loopback(true);
    let all = bytes(200);
    let mut buffer = [0; 200];
    {
        let (read, write) = (receiver.read_exact(&mut buffer), transmitter.write_all(&all));
        let both = futures_util::future::join(read, write);
        assert_eq!(run(&mut cpu, Box::pin(both)), (Ok(200), Ok(200)));
    }
    assert_eq!((&buffer[..], chip.far_end_received()), (&all[..], vec![]));
    uart.set_loopback(false);
    assert_eq!(chip.contents().modem_control, 0b1011);
}

#[test]
fn formatted_text_spins_and_is_whole() {
    let (chip, _uart, _receiver, mut transmitter) = port();
    let stop = leak(AtomicBool::new(false));
    let wire = std::thread::spawn(move || {
        while !stop.load(SeqCst) {
            chip.tick();
        }
    });
    writeln!(transmitter, "{:>8}|{:08x}|{}", "text", 0xbeef, "long ".repeat(20)).unwrap();
    let Ok(()) = transmitter.flush().block(wouldblock::block::Spin);
    stop.store(true, SeqCst);
    wire.join().unwrap();
    let expected = format!("    text|0000beef|{}\n", "long ".repeat(20));
    assert_eq!(String::from_utf8(chip.far_end_received()).unwrap(), expected);
    assert_eq!(chip.contents().enabled, 0);
}

/// A step of a program that does several things at once with one chip.
#[derive(Clone, Debug)]
enum Act {
    FarEnd(u8),
    FarEndBadly(u8),
    Ticks(u8),
    PollRead(usize),
    TryRecv,
    PollWrite(u8),
    TrySend,
    Flush,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1_u8..20).prop_map(Act::FarEnd),
        prop_oneof![Just(fake_16550::PARITY), Just(fake_16550::FRAMING), Just(fake_16550::BREAK)]
            .prop_map(Act::FarEndBadly),
        (1_u8..30).prop_map(Act::Ticks),
        (1_usize..24).prop_map(Act::PollRead),
        Just(Act::TryRecv),
        (1_u8..40).prop_map(Act::PollWrite),
        Just(Act::TrySend),
        Just(Act::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    /// Any acts in any order: every byte and every error comes out once, in order, and nothing
    /// stays enabled.
    #[test]
    fn every_byte_and_every_error_comes_out_once(acts in prop::collection::vec(act(), 1..120)) {
        let (chip, uart, mut receiver, mut transmitter) = port();
        let mut cpu = cpu(chip, uart);
        // What the far end has sent: a byte, or the bits of an error.
        let mut sent_to_us = Vec::new();
        let (mut heard, mut overruns) = (Vec::new(), 0_usize);
        let mut sent_by_us = Vec::new();
        let mut next = 0_u8;
        let hear = |end: Result<&[u8], wouldblock::uart16550::LineError>, heard: &mut Vec<Result<u8, u8>>, overruns: &mut usize| match end {
            Ok(bytes) => heard.extend(bytes.iter().map(|&byte| Ok(byte))),
            Err(error) => {
                *overruns += usize::from(error.overrun());
                let of_one_byte = (u8::from(error.parity()) * fake_16550::PARITY)
                    | (u8::from(error.framing()) * fake_16550::FRAMING)
                    | (u8::from(error.break_received()) * fake_16550::BREAK);
                if of_one_byte != 0 {
                    heard.push(Err(of_one_byte));
                }
            }
        };
        let drain = Act::PollRead(16);
        let closing = (0..400).flat_map(|_| [Act::Ticks(4), drain.clone()]);
        for act in acts.into_iter().chain(closing) {
            match act {
                Act::FarEnd(count) => for _ in 0..count {
                    next = next.wrapping_add(1);
                    sent_to_us.push(Ok(next));
                    chip.far_end_sends(&[next]);
                },
                Act::FarEndBadly(errors) => {
                    sent_to_us.push(Err(errors));
                    chip.far_end_sends_badly(0, errors);
                }
                Act::Ticks(count) => cpu.run(count.into()),
                Act::PollRead(room) => {
                    let mut buffer = [0; 24];
                    let polled = poll(&mut receiver.read(&mut buffer[..room]), Waker::noop());
                    if let Poll::Ready(end) = polled {
                        hear(end.map(|count| &buffer[..count]), &mut heard, &mut overruns);
                    }
                }
                Act::TryRecv => match receiver.try_recv() {
                    Ok(byte) => hear(Ok(&[byte]), &mut heard, &mut overruns),
                    Err(nb::Error::Other(error)) => hear(Err(error), &mut heard, &mut overruns),
                    Err(WouldBlock) => {}
                },
                Act::PollWrite(count) => {
                    let bytes: Vec<u8> = (0..count).collect();
                    let mut write = transmitter.write_all(&bytes);
                    let _: Poll<_> = poll(&mut write, Waker::noop());
                    sent_by_us.extend(&bytes[..write.progress()]);
                }
                Act::TrySend => if transmitter.try_send(0xee).is_ok() {
                    sent_by_us.push(0xee);
                },
                Act::Flush => _ = transmitter.flush().attempt(),
            }
            prop_assert_eq!(chip.contents().enabled, 0);
        }
        prop_assert_eq!(chip.far_end_received(), sent_by_us);
        if chip.lost() == 0 {
            prop_assert_eq!(heard, sent_to_us);
            prop_assert_eq!(overruns, 0);
        } else {
            prop_assert!((1..=chip.lost()).contains(&overruns));
            prop_assert_eq!(heard.len(), sent_to_us.len() - chip.lost());
            // The bytes that were heard are some of those that were sent, in order.
            let mut sent = sent_to_us.iter();
            prop_assert!(heard.iter().all(|heard| sent.any(|sent| sent == heard)));
        }
    }

    /// Blocking, awaited and background forms, one after the other, over one chip at full speed.
    #[test]
    fn every_form_in_turns_echoes_everything(forms in prop::collection::vec((0..3_u8, 1..200_usize), 1..12)) {
        let (chip, uart, mut receiver, mut transmitter) = port();
        let (reads, writes, mut cpu) = background(chip, uart);
        for (form, count) in forms {
            let all = bytes(count);
            chip.far_end_sends(&all);
            let mut buffer = vec![0; count];
            match form {
                0 => {
                    prop_assert_eq!(receiver.read_exact(&mut buffer).block(&mut cpu), Ok(count));
                    prop_assert_eq!(transmitter.write_all(&buffer).block(&mut cpu), Ok(count));
                }
                1 => {
                    prop_assert_eq!(run(&mut cpu, receiver.read_exact(&mut buffer)), Ok(count));
                    prop_assert_eq!(run(&mut cpu, transmitter.write_all(&buffer)), Ok(count));
                }
                _ => {
                    let read = reads.start(receiver.into_read_exact(buffer)).unwrap().wait(&mut cpu);
                    prop_assert_eq!(read.result, Ok(count));
                    (receiver, buffer) = read.op.into_parts();
                    let write = run(&mut cpu, writes.start(transmitter.into_write_all(buffer)).unwrap());
                    prop_assert_eq!(write.result, Ok(count));
                    (transmitter, buffer) = write.op.into_parts();
                }
            }
            prop_assert_eq!(&buffer, &all);
            prop_assert_eq!(chip.contents().enabled, 0);
            cpu.run(40);
            prop_assert_eq!(chip.far_end_received(), all);
        }
        prop_assert_eq!(chip.lost(), 0);
    }
}
