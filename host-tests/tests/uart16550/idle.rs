//! A read that ends when the line falls idle: messages of unknown length.

use std::sync::atomic::AtomicU32;

use super::*;
use wouldblock::uart16550::{LineError, ReadToIdle};

type Job = ReadToIdle<Receiver<'static, Port>, Vec<u8>>;

/// A chip with the trigger `level`, its receiving half, and a handler that steps a read.
fn reader(level: Level) -> (Port, Receiver<'static, Port>, &'static Slot<Job>, Cpu<impl FnMut()>) {
    let (chip, uart, receiver, _) = port();
    uart.initialize(1, level);
    chip.accesses();
    let slot = leak(Slot::<Job>::new());
    let handler = move || {
        let news = uart.on_interrupt();
        let driven = slot.on_interrupt();
        drop((driven, news));
    };
    (chip, receiver, slot, Cpu::new(chip, handler))
}

fn parts(done: Done<Job>) -> (Result<usize, LineError>, Receiver<'static, Port>, Vec<u8>) {
    let (result, progress) = (done.result, done.op.progress());
    let (receiver, mut buffer) = done.op.into_parts();
    buffer.truncate(progress);
    (result, receiver, buffer)
}

const LEVELS: [Level; 3] = [Level::Four, Level::Eight, Level::Fourteen];

#[test]
fn every_length_ends_four_characters_after_its_last_byte() {
    static ENDED: AtomicU32 = AtomicU32::new(0);
    for level in LEVELS {
        for length in 1..=40 {
            let (chip, receiver, slot, mut cpu) = reader(level);
            chip.far_end_sends(&bytes(length));
            slot.start_with(receiver.into_read_to_idle(vec![0; 64]), |done| {
                let (result, _, buffer) = parts(done);
                assert_eq!(result, Ok(buffer.len()));
                assert_eq!(buffer, bytes(buffer.len()));
                ENDED.store(buffer.len() as u32, SeqCst);
            })
            .unwrap();
            let ticks = (0..1000).take_while(|_| {
                cpu.run(1);
                ENDED.load(SeqCst) == 0
            });
            assert_eq!(ticks.count() + 1, length + 4, "{level:?}, {length} bytes");
            assert_eq!(ENDED.swap(0, SeqCst), length as u32);
            assert_eq!((chip.lost(), chip.contents().enabled), (0, 0));
        }
    }
}

#[test]
fn every_form_ends_with_the_message() {
    for level in LEVELS {
        let (chip, mut receiver, slot, mut cpu) = reader(level);
        for length in [1, 3, 4, 7, 8, 9, 14, 15, 16, 31, 64] {
            let all = bytes(length);
            let mut buffer = vec![0; 100];
            chip.far_end_sends(&all);
            assert_eq!(receiver.read_to_idle(&mut buffer).block(&mut cpu), Ok(length));
            assert_eq!(buffer[..length], all);
            chip.far_end_sends(&all);
            assert_eq!(run(&mut cpu, receiver.read_to_idle(&mut buffer)), Ok(length));
            assert_eq!(buffer[..length], all);
            chip.far_end_sends(&all);
            let job = slot.start(receiver.into_read_to_idle(buffer)).unwrap();
            let (result, half, buffer) = parts(job.wait(&mut cpu));
            assert_eq!((result, buffer), (Ok(length), all));
            receiver = half;
            assert_eq!((chip.lost(), chip.contents().enabled), (0, 0));
        }
    }
}

#[test]
fn a_silent_line_does_not_end_it_and_neither_does_a_short_pause() {
    let (chip, receiver, slot, mut cpu) = reader(Level::Eight);
    let mut job = slot.start(receiver.into_read_to_idle(vec![0; 64])).unwrap();
    cpu.run(1000);
    assert!(job.attempt().is_err());
    for part in bytes(40).chunks(10) {
        chip.far_end_sends(part);
        chip.far_end_pauses(3); // One character less than idle.
    }
    cpu.run(4 * 13);
    assert_eq!(slot.on_interrupt().step(), wouldblock::job::Step::Pending);
    cpu.run(1);
    let (result, _, buffer) = parts(job.wait(&mut cpu));
    assert_eq!((result, buffer), (Ok(40), bytes(40)));
}

#[test]
fn a_full_buffer_ends_it_and_the_next_read_gets_the_rest() {
    let (chip, receiver, slot, mut cpu) = reader(Level::Eight);
    chip.far_end_sends(&bytes(25));
    let job = slot.start(receiver.into_read_to_idle(vec![0; 10])).unwrap();
    let (result, receiver, first) = parts(job.wait(&mut cpu));
    assert_eq!(result, Ok(10));
    let job = slot.start(receiver.into_read_to_idle(vec![0; 100])).unwrap();
    let (result, mut receiver, rest) = parts(job.wait(&mut cpu));
    assert_eq!((result, [first, rest].concat()), (Ok(15), bytes(25)));
    assert_eq!(receiver.read_to_idle([]).attempt(), Ok(0), "an empty buffer is full");
}

#[test]
fn cancelled_it_reports_its_progress_and_the_rest_stays() {
    let (chip, receiver, slot, mut cpu) = reader(Level::Eight);
    chip.far_end_sends(&bytes(12));
    let mut job = slot.start(receiver.into_read_to_idle(vec![0; 64])).unwrap();
    cpu.run(12);
    job.cancel();
    let (result, mut receiver, taken) = parts(job.wait(&mut cpu));
    assert_eq!(
        (result, chip.contents().enabled),
        (Ok(7), 0),
        "at the trigger level it takes all bytes but one"
    );
    assert_eq!(chip.contents().received.len(), 5);
    let mut rest = [0; 64];
    assert_eq!(receiver.read_to_idle(&mut rest).block(&mut cpu), Ok(5));
    assert_eq!([&taken, &rest[..5]].concat(), bytes(12));
}

#[test]
fn dropped_at_any_time_it_masks_its_interrupt_and_loses_no_byte_that_it_had_not_taken() {
    for ticks in 0..30 {
        let (chip, mut receiver, _, mut cpu) = reader(Level::Eight);
        chip.far_end_sends(&bytes(20));
        let mut buffer = [0; 64];
        let taken = {
            let mut read = receiver.read_to_idle(&mut buffer);
            for _ in 0..ticks {
                _ = poll(&mut read, Waker::noop());
                cpu.run(1);
            }
            read.progress()
        };
        assert_eq!(chip.contents().enabled, 0);
        let mut left = 20 - taken;
        while left > 0 {
            let start = 20 - left;
            left -= receiver.read_to_idle(&mut buffer[start..]).block(&mut cpu).unwrap();
        }
        assert_eq!((&buffer[..20], chip.lost()), (&bytes(20)[..], 0));
    }
}

#[test]
fn a_line_error_ends_it_with_what_had_come_and_it_continues_from_there() {
    for bits in [fake_16550::PARITY, fake_16550::FRAMING, fake_16550::BREAK] {
        for before in [0, 3, 7, 8, 20] {
            let (chip, receiver, slot, mut cpu) = reader(Level::Eight);
            let all = bytes(before + 5);
            chip.far_end_sends(&all[..before]);
            chip.far_end_sends_badly(0, bits);
            chip.far_end_sends(&all[before..]);
            let mut job = slot.start(receiver.into_read_to_idle(vec![0; 64])).unwrap();
            let done = job.wait(&mut cpu);
            assert!(done.result.is_err(), "{before} bytes, then {bits:#x}");
            assert_eq!((done.op.progress(), chip.contents().enabled), (before, 0));
            job = slot.start(done.op).unwrap();
            let (result, _, buffer) = parts(job.wait(&mut cpu));
            assert_eq!((result, buffer), (Ok(before + 5), all));
        }
    }
}

#[test]
fn an_overrun_is_an_error_and_what_the_fifo_held_comes_after_it() {
    let (chip, receiver, slot, mut cpu) = reader(Level::Eight);
    let job = slot.start(receiver.into_read_to_idle(vec![0; 64])).unwrap();
    chip.far_end_sends(&bytes(20));
    (0..20).for_each(|_| chip.tick()); // Interrupts are masked.
    assert_eq!(chip.lost(), 4);
    let done = job.wait(&mut cpu);
    assert!(done.result.is_err_and(|error| error.overrun()));
    let (result, _, buffer) = parts(slot.start(done.op).unwrap().wait(&mut cpu));
    assert_eq!((result, buffer), (Ok(16), bytes(16)));
}

/// The driver forgets what it knew of bytes that another form has taken.
#[test]
fn what_another_read_took_is_forgotten() {
    let (chip, mut receiver, _, mut cpu) = reader(Level::Eight);
    for idle in [0, 10] {
        let mut buffer = [0; 64];
        {
            let mut read = receiver.read_to_idle(&mut buffer);
            assert!(poll(&mut read, Waker::noop()).is_pending());
            chip.far_end_sends(&bytes(8));
            cpu.run(8 + idle); // The handler has found eight bytes, or an idle line.
        }
        assert_eq!(receiver.read(&mut buffer).attempt(), Ok(8));
        chip.far_end_sends(b"x");
        cpu.run(1);
        let mut read = receiver.read_to_idle(&mut buffer);
        assert_eq!(read.attempt(), Err(WouldBlock), "there is one byte, and the line is not idle");
        assert_eq!(read.block(&mut cpu), Ok(1));
    }
}

#[test]
fn at_level_one_it_ends_with_what_has_come() {
    let (chip, mut receiver, _, mut cpu) = reader(Level::One);
    chip.far_end_sends(b"ab");
    let mut buffer = [0; 8];
    assert_eq!(receiver.read_to_idle(&mut buffer).block(&mut cpu), Ok(1));
    assert_eq!(run(&mut cpu, receiver.read_to_idle(&mut buffer[1..])), Ok(1));
    assert_eq!(&buffer[..2], b"ab");
}

/// Only tries, with interrupts masked, while the transmitter waits for its interrupt: that
/// interrupt is not lost.
#[test]
fn polled_with_interrupts_masked_it_leaves_the_transmitters_interrupt_alone() {
    let (chip, uart, mut receiver, mut transmitter) = port();
    let all = bytes(100);
    chip.far_end_sends(&all[..40]);
    let mut cpu = cpu(chip, uart);
    let mut buffer = [0; 64];
    let mut read = receiver.read_to_idle(&mut buffer);
    let mut write = transmitter.write_all(&all);
    let (waker, wakes) = counting();
    assert!(poll(&mut write, &waker).is_pending());
    let mut ends = (0..100).map(|_| {
        chip.tick();
        read.attempt()
    });
    let end = ends.find(|end| *end != Err(WouldBlock)).unwrap_or(Err(WouldBlock));
    assert_eq!(
        (end, chip.contents().enabled),
        (Ok(40), 0b10),
        "only the write's interrupt is enabled"
    );
    assert_eq!(wakes.load(SeqCst), 0, "no handler has run");
    drop(read);
    assert_eq!(buffer[..40], all[..40]);
    assert_eq!(run(&mut cpu, write), Ok(100));
    cpu.run(20);
    assert_eq!((chip.far_end_received(), chip.lost()), (all, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    /// Messages of any length with any pauses, read in any form into a buffer that is large enough,
    /// while the other direction is busy: each message comes out as it was sent.
    #[test]
    fn messages_come_out_one_by_one(
        level in prop::sample::select(&LEVELS[..]),
        messages in prop::collection::vec((1..60_usize, 0..4_u8, prop::collection::vec(0..4_usize, 0..4)), 1..10),
        sending in 0..300_usize,
    ) {
        let (chip, uart, mut receiver, transmitter) = port();
        uart.initialize(1, level);
        let (reads, writes) = (leak(Slot::<Job>::new()), leak(Slot::<WriteJob>::new()));
        let mut cpu = Cpu::new(chip, move || {
            let news = uart.on_interrupt();
            drop((reads.on_interrupt(), writes.on_interrupt(), news));
        });
        let write = writes.start(transmitter.into_write_all(bytes(sending))).unwrap();
        for (length, form, pauses) in messages {
            let all = bytes(length);
            // Each pause is shorter than the time after which the line counts as idle.
            let mut pauses = pauses.into_iter();
            for part in all.chunks(length.div_ceil(pauses.len() + 1)) {
                chip.far_end_sends(part);
                chip.far_end_pauses(pauses.next().unwrap_or(0));
            }
            let mut buffer = vec![0; 64];
            let result = match form {
                0 => receiver.read_to_idle(&mut buffer).block(&mut cpu),
                1 => run(&mut cpu, receiver.read_to_idle(&mut buffer)),
                _ => {
                    let job = reads.start(receiver.into_read_to_idle(buffer)).unwrap();
                    let done = if form == 2 { job.wait(&mut cpu) } else { run(&mut cpu, job) };
                    let result = done.result;
                    (receiver, buffer) = done.op.into_parts();
                    result
                }
            };
            prop_assert_eq!(result, Ok(length));
            prop_assert_eq!(&buffer[..length], &all);
        }
        prop_assert_eq!(run(&mut cpu, write).result, Ok(sending));
        cpu.run(40);
        prop_assert_eq!((chip.far_end_received(), chip.lost()), (bytes(sending), 0));
    }
}

/// Three bytes, the time-out, and two bytes of the next message before the next try. Returns
/// whether that try ends the message. With `give_up`, the first read is dropped after the time-out,
/// and the try is that of a new read.
fn ends_in_the_middle(give_up: bool) -> bool {
    let (chip, mut receiver, _, mut cpu) = reader(Level::Eight);
    let mut buffer = [0; 16];
    let mut read = receiver.read_to_idle(&mut buffer);
    assert!(poll(&mut read, Waker::noop()).is_pending());
    chip.far_end_sends(b"one");
    cpu.run(7);
    assert_eq!(chip.edges(), 1, "the time-out");
    if give_up {
        drop(read);
        chip.far_end_sends(b"tw");
        cpu.run(2);
        read = receiver.read_to_idle(&mut buffer);
    } else {
        chip.far_end_sends(b"tw");
        cpu.run(2);
    }
    match read.attempt() {
        Ok(count) => {
            assert_eq!(count, 5);
            true
        }
        Err(error) => {
            assert_eq!(error, WouldBlock);
            chip.far_end_sends(b"o");
            assert_eq!(read.block(&mut cpu), Ok(6));
            false
        }
    }
}

#[test]
fn what_ended_one_message_does_not_end_the_next() {
    assert!(!ends_in_the_middle(true));
    // The check can fail: the read that was there at the time-out ends by it.
    assert!(ends_in_the_middle(false));
}

#[test]
fn an_error_has_the_index_of_its_byte() {
    for before in [0, 1, 7, 8, 15, 16, 17, 40] {
        let (chip, receiver, slot, mut cpu) = reader(Level::Eight);
        chip.far_end_sends(&bytes(before));
        chip.far_end_sends_badly(0, fake_16550::PARITY);
        chip.far_end_sends(&bytes(5));
        let done = slot.start(receiver.into_read_to_idle(vec![0; 64])).unwrap().wait(&mut cpu);
        let error = done.result.unwrap_err();
        assert_eq!((error.index(), done.op.progress(), error.lost()), (before, before, 0));
        assert!(error.to_string().ends_with(&format!("after {before} bytes")));
    }
    // A try that fails has taken nothing.
    let (chip, mut receiver, _, mut cpu) = reader(Level::Eight);
    chip.far_end_sends(b"ab");
    chip.far_end_sends_badly(0, fake_16550::FRAMING);
    cpu.run(3);
    let mut buffer = [0; 8];
    assert_eq!(receiver.read(&mut buffer).attempt(), Ok(2));
    let Err(nb::Error::Other(error)) = receiver.read(&mut buffer).attempt() else { panic!() };
    assert_eq!((error.index(), error.lost()), (0, 0));
    // Lost bytes: at least one; the bytes of a full FIFO come before the gap.
    chip.far_end_sends(&bytes(20));
    cpu.run(20);
    let Err(nb::Error::Other(error)) = receiver.read_exact([0; 20]).attempt() else { panic!() };
    assert_eq!((error.index(), error.lost()), (0, 1));
}
