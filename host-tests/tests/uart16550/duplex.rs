//! Both directions of two chips at once, all four in the background, with a difficult far end: it
//! stops the transmitters, sends bytes with errors, and sends too fast.

use std::sync::atomic::AtomicUsize;

use super::*;
use wouldblock::job::{Background, Job, ScopedSlot};

/// A chip, its driver, and a slot for each direction.
#[derive(Clone, Copy)]
struct Side {
    chip: Port,
    uart: &'static Uart<Port>,
    reads: &'static Slot<ReadJob>,
    writes: &'static Slot<WriteJob>,
}

/// Bytes that differ from those of the other chip.
fn stream(seed: u8, count: usize) -> Vec<u8> {
    bytes(count).into_iter().map(|byte| byte ^ seed).collect()
}

/// A chip with each direction started.
fn start(seed: u8, count: usize) -> (Side, Job<ReadJob>, Job<WriteJob>) {
    let (chip, uart, receiver, transmitter) = port();
    let side = Side { chip, uart, reads: leak(Slot::new()), writes: leak(Slot::new()) };
    let read = side.reads.start(receiver.into_read_exact(vec![0; count])).unwrap();
    let write = side.writes.start(transmitter.into_write_all(stream(!seed, count))).unwrap();
    chip.far_end_sends(&stream(seed, count));
    (side, read, write)
}

impl Side {
    fn on_interrupt(self) {
        let news = self.uart.on_interrupt();
        drop((self.reads.on_interrupt(), self.writes.on_interrupt(), news));
    }

    /// Advances a character time and delivers its interrupts.
    fn tick(self) {
        self.chip.tick();
        self.deliver();
    }

    fn deliver(self) {
        while self.chip.deliver(&mut || self.on_interrupt()) {}
    }

    fn ticks(self, count: usize) {
        (0..count).for_each(|_| self.tick());
    }
}

#[test]
fn two_ports_at_once_each_way_with_back_pressure() {
    const COUNT: usize = 5000;
    const SEEDS: [u8; 2] = [0x00, 0xa5];
    let started = SEEDS.map(|seed| start(seed, COUNT));
    let mut received = [Vec::new(), Vec::new()];
    for tick in 0..4 * COUNT {
        for (number, ((side, ..), received)) in started.iter().zip(&mut received).enumerate() {
            // The far ends stop the one transmitter, the other, both, neither.
            side.chip.set_stuck((tick / 80) >> number & 1 == 0);
            side.tick();
            received.extend(side.chip.far_end_received());
        }
    }
    for (((side, read, write), received), seed) in started.into_iter().zip(received).zip(SEEDS) {
        assert_eq!((side.chip.lost(), side.chip.contents().enabled), (0, 0), "nothing was polled");
        let read = read.wait(block::Spin);
        assert_eq!(read.result, Ok(COUNT));
        assert_eq!(read.op.into_parts().1, stream(seed, COUNT));
        assert_eq!(write.wait(block::Spin).result, Ok(COUNT));
        assert_eq!(received, stream(!seed, COUNT));
    }
}

#[test]
fn cancelled_operations_report_their_progress_and_the_next_ones_continue_there() {
    const SEED: u8 = 0x5a;
    for ticks in 0..60 {
        let (side, mut read, mut write) = start(SEED, 200);
        side.ticks(ticks);
        read.cancel();
        write.cancel();
        let (read, write) = (read.wait(block::Spin), write.wait(block::Spin));
        assert_eq!(side.chip.contents().enabled, 0);
        let (got, sent) = (read.op.progress(), write.op.progress());
        assert_eq!((read.result, write.result), (Ok(got), Ok(sent)));
        assert!(got <= ticks && sent <= ticks + 17, "no more bytes than the line has carried");

        let (receiver, mut buffer) = read.op.into_parts();
        let (transmitter, all) = write.op.into_parts();
        let rest = receiver.into_read_exact(vec![0; 200 - got]);
        let read = side.reads.start(rest).unwrap();
        let rest = transmitter.into_write_all(all[sent..].to_vec());
        let write = side.writes.start(rest).unwrap();
        let mut cpu = Cpu::new(side.chip, || side.on_interrupt());
        let (read, write) = (read.wait(&mut cpu), write.wait(&mut cpu));
        buffer.truncate(got);
        buffer.extend(read.op.into_parts().1);
        assert_eq!(buffer, stream(SEED, 200));
        assert_eq!(write.result, Ok(200 - sent));
        cpu.run(40);
        assert_eq!(side.chip.far_end_received(), stream(!SEED, 200));
    }
}

#[test]
fn an_overrun_while_sending_is_the_readers_error_and_the_write_is_whole() {
    const SEED: u8 = 0x11;
    let (side, read, write) = start(SEED, 100);
    side.ticks(30);
    (0..40).for_each(|_| side.chip.tick()); // Interrupts are masked until the FIFO overruns.
    let lost = side.chip.lost();
    assert!(lost > 0);
    side.deliver();
    let read = read.wait(block::Spin);
    assert!(read.result.is_err_and(|error| error.overrun() && !error.parity()));
    let before = read.op.progress();
    // The bytes before the error are there. Those of the FIFO follow, and then those after the gap.
    let mut read = side.reads.start(read.op).unwrap();
    side.deliver();
    side.ticks(300);
    read.cancel();
    let read = read.wait(block::Spin);
    assert_eq!((read.result, side.chip.lost()), (Ok(100 - lost), lost));
    let (_, buffer) = read.op.into_parts();
    let (sent, gap) = (stream(SEED, 100), before + 16);
    assert_eq!(buffer[..gap], sent[..gap]);
    assert_eq!(buffer[gap..100 - lost], sent[gap + lost..]);
    // The error does not affect the other direction.
    assert_eq!(write.wait(block::Spin).result, Ok(100));
    assert_eq!(side.chip.far_end_received(), stream(!SEED, 100));
}

#[test]
fn nothing_to_move_ends_by_an_interrupt_too() {
    static ENDS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let (chip, uart, receiver, transmitter) = port();
    let (reads, writes, mut cpu) = background(chip, uart);
    reads
        .start_with(receiver.into_read_exact(vec![]), |done| {
            assert_eq!(done.result, Ok(0));
            ENDS.fetch_add(1, SeqCst);
        })
        .unwrap();
    cpu.run(10);
    assert_eq!((ENDS.load(SeqCst), chip.contents().enabled), (1, 0));
    writes
        .start_with(transmitter.into_write_all(vec![]), |done| {
            assert_eq!(done.result, Ok(0));
            ENDS.fetch_add(1, SeqCst);
        })
        .unwrap();
    cpu.run(10);
    assert_eq!((ENDS.load(SeqCst), chip.contents().enabled), (2, 0));
}

/// A buffer is any type that owns its bytes and is `Send`: no allocation or unsafe code is needed.
#[test]
fn a_buffer_is_an_array_static_memory_or_the_users_own() {
    fn echoes<B: AsRef<[u8]> + AsMut<[u8]> + Send + 'static>(buffer: B) -> B {
        let (chip, uart, receiver, transmitter) = port();
        let (reads, writes) = (leak(Slot::new()), leak(Slot::new()));
        let mut cpu = Cpu::new(chip, move || {
            let news = uart.on_interrupt();
            drop((reads.on_interrupt(), writes.on_interrupt(), news));
        });
        chip.far_end_sends(b"static");
        let read = reads.start(receiver.into_read_exact(buffer)).unwrap().wait(&mut cpu);
        assert_eq!(read.result, Ok(6));
        let (_, buffer) = read.op.into_parts();
        let write = writes.start(transmitter.into_write_all(buffer)).unwrap().wait(&mut cpu);
        cpu.run(10);
        assert_eq!(chip.far_end_received(), b"static");
        write.op.into_parts().1
    }
    assert_eq!(&echoes([0; 6]), b"static");
    assert_eq!(echoes(leak_mut([0; 6])), b"static");
    assert_eq!(echoes(vec![0; 6]), b"static");
    assert_eq!(&*echoes(vec![0; 6].into_boxed_slice()), b"static");
}

fn leak_mut(bytes: [u8; 6]) -> &'static mut [u8] {
    Box::leak(Box::new(bytes))
}

/// A buffer on the stack is lent by a scope, which does not end while the device uses the buffer.
#[test]
fn a_buffer_of_the_stack_is_lent() {
    let (chip, uart, receiver, transmitter) = port();
    let [reads, writes] = [(); 2].map(|()| leak(ScopedSlot::new()));
    let handler = move || {
        let news = uart.on_interrupt();
        drop((reads.on_interrupt(), writes.on_interrupt(), news));
    };
    let mut cpu = Cpu::new(chip, handler);
    let (mut incoming, outgoing) = ([0; 100], bytes(50));
    chip.far_end_sends(b"a message");
    let write = transmitter.into_write_all(&*outgoing);
    let (read, written) = writes
        .scope(write, block::Spin, |write| {
            let read = receiver.into_read_to_idle(&mut incoming[..]);
            let ((), read) = reads.scope(read, block::Spin, |read| read.wait(&mut cpu)).unwrap();
            write.wait(&mut cpu);
            read
        })
        .unwrap();
    assert_eq!((read.result, written.result), (Ok(9), Ok(50)));
    let ((receiver, _), (transmitter, _)) = (read.op.into_parts(), written.op.into_parts());
    assert_eq!((&incoming[..9], chip.contents().enabled), (&b"a message"[..], 0));
    cpu.run(40);
    assert_eq!(chip.far_end_received(), outgoing);
    // The halves can be handed out again.
    drop((receiver, transmitter));
    assert!(uart.split().is_some());
}

/// Shows the progress of an operation while it runs. Any operation can be wrapped like this: after
/// each try, the wrapper stores the progress in a `static`.
#[test]
fn progress_can_be_seen_while_it_runs() {
    struct Shown<A>(A, &'static AtomicUsize);

    impl<A: Attempt + Progress> Attempt for Shown<A> {
        type Output = A::Output;
        type Error = A::Error;

        fn attempt(&mut self) -> nb::Result<A::Output, A::Error> {
            let end = self.0.attempt();
            self.1.store(self.0.progress(), SeqCst);
            end
        }

        fn arm(&mut self) {
            self.0.arm();
        }

        fn disarm(&mut self) {
            self.0.disarm();
        }
    }

    impl<A: Background + Progress> Background for Shown<A> {
        fn begin(&mut self) {
            self.0.begin();
        }

        fn cancel(&mut self) {
            self.0.cancel();
        }
    }

    static READ: AtomicUsize = AtomicUsize::new(0);
    let (chip, uart, receiver, _transmitter) = port();
    let slot = leak(Slot::new());
    let mut cpu = Cpu::new(chip, move || {
        let news = uart.on_interrupt();
        drop((slot.on_interrupt(), news));
    });
    chip.far_end_sends(&bytes(100));
    let job = slot.start(Shown(receiver.into_read_exact([0; 100]), &READ)).unwrap();
    for come in 1..100 {
        cpu.run(1);
        assert_eq!(READ.load(SeqCst), come / 8 * 8, "half a FIFO at a time");
    }
    assert_eq!(job.wait(&mut cpu).op.0.progress(), READ.load(SeqCst));
    assert_eq!(READ.load(SeqCst), 100);
}
