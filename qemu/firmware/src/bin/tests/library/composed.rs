//! One wait for several events: races between the serial ports, the timer and a job; time-outs.

use core::time::Duration;

use board::{
    Board,
    alarm::{self, STEP, TimerAlarm, is_running, periodic, stop, ticks_per_second},
    counter::{BoardClock, clock, frequency, time},
    idle::Park,
    interrupts::Line,
    serial,
};
use drivers::timer::{SLOT, Timer};
use embassy_time::with_timeout;
use firmware::{
    serial::{COM1, COM2, Port},
    task::block_on,
};
use portable_atomic::{AtomicBool, Ordering::Relaxed};
use wouldblock::{
    attempt::Either,
    block::Spin,
    event::Event,
    time::{self, AlarmDelay},
    uart16550::{Level, Register, Registers},
};

use super::{executor::run_until, interrupt_in};
use crate::board::time_of;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Puts both ports into loopback; each received byte raises an interrupt.
fn loop_back() -> [&'static Port; 2] {
    for port in [&COM1, &COM2] {
        port.install();
        port.uart.initialize(1, Level::One);
        port.uart.set_loopback(true);
    }
    [&COM1, &COM2]
}

/// Whether nothing is left behind: no port has an interrupt enabled, and the timer is stopped.
fn is_quiet() -> bool {
    COM1.enabled() == 0 && COM2.enabled() == 0 && !is_running()
}

/// Delays measured by the timer, whose handler signals the event.
fn delays() -> AlarmDelay<'static, BoardClock, TimerAlarm> {
    static TIME: Event = Event::new();
    let alarm = alarm::take();
    Line::Timer.set_handler(|line| {
        line.acknowledge();
        TIME.signal();
    });
    AlarmDelay::new(clock(), alarm, TIME.waiter().expect("one waiter"))
}

/// A byte arrives on one port or the other while the foreground waits for both.
fn the_first_of_two_ports(_: &'static Board) {
    fn on_first(line: Line) {
        serial::COM1.write(Register::Data, 1);
        line.acknowledge();
    }
    fn on_second(line: Line) {
        serial::COM2.write(Register::Data, 2);
        line.acknowledge();
    }

    let [(mut first, _tx), (mut second, _other)] =
        loop_back().map(|port| port.uart.split().expect("free"));
    for ticks in (10..1000).step_by(7).map(|n| n * STEP) {
        interrupt_in(ticks, on_first);
        assert_eq!(first.recv().race(second.recv()).block(Park), Ok(Either::First(1)));
        interrupt_in(ticks, on_second);
        assert_eq!(first.recv().race(second.recv()).block(Park), Ok(Either::Second(2)));
        interrupt_in(ticks, on_first);
        assert_eq!(block_on(first.recv().race(second.recv())), Ok(Either::First(1)));
        interrupt_in(ticks, on_second);
        assert_eq!(block_on(first.recv().race(second.recv())), Ok(Either::Second(2)));
        assert!(is_quiet());
    }
    let end = first.recv().race(second.recv()).block_for(alarm::park_until(), clock(), MILLISECOND);
    assert_eq!(end, Err(time::Error::TimedOut));
    assert!(is_quiet());
}
crate::registry::test!(the_first_of_two_ports);

/// Bytes arrive on both ports in turn; each is received in that order, and none twice.
fn a_superloop_of_two_ports(_: &'static Board) {
    fn on_timer(line: Line) {
        if Line::Timer.taken() % 2 == 1 {
            serial::COM1.write(Register::Data, b'1');
        } else {
            serial::COM2.write(Register::Data, b'2');
        }
        line.acknowledge();
    }

    let [(mut first, _tx), (mut second, _other)] =
        loop_back().map(|port| port.uart.split().expect("free"));
    let (mut first, mut second) = (first.recv(), second.recv());
    Line::Timer.set_handler(on_timer);
    Line::Timer.enable();
    periodic(9973 * STEP);
    for _ in 0..100 {
        assert_eq!(first.by_ref().race(second.by_ref()).block(Park), Ok(Either::First(b'1')));
        let end = block_on(first.by_ref().race(second.by_ref()));
        assert_eq!(end, Ok(Either::Second(b'2')));
    }
    stop();
    drop((first, second));
    assert!(is_quiet() && Line::Timer.taken() == 200);
}
crate::registry::test!(a_superloop_of_two_ports);

/// A byte arrives while the timer's job runs: the race reports both, and the caller keeps the job.
fn a_job_raced_with_a_byte(_: &'static Board) {
    let [(mut rx, mut tx), _] = loop_back().map(|port| port.uart.split().expect("free"));
    let mut timer = Timer::take().expect("the timer");
    for turn in 0..10 {
        let mut job = SLOT.start(timer.after(frequency() / 1000)).expect("idle");
        assert_eq!(tx.try_send(turn), Ok(()));
        let Ok(Either::Second(byte)) = job.ended().race(rx.recv()).block(Park) else {
            panic!("the byte was there before the end");
        };
        let race = job.ended().race(rx.recv());
        let end = if turn % 2 == 0 { block_on(race) } else { { race }.block(Park) };
        let Ok(Either::First(done)) = end else { panic!("no other byte came") };
        assert!(byte == turn && time() >= done.op.deadline() && SLOT.is_idle());
        assert!(is_quiet());
        timer = done.op.into_timer();
    }
}
crate::registry::test!(a_job_raced_with_a_byte);

fn a_time_out_in_each_form(_: &'static Board) {
    let [(mut rx, mut tx), _] = loop_back().map(|port| port.uart.split().expect("free"));
    let mut delay = delays();
    for byte in 0..10 {
        let start = time();
        let end = rx.recv().within(delay.after(MILLISECOND)).block(Park);
        assert_eq!(end, Err(time::Error::TimedOut));
        let end = block_on(rx.recv().within(delay.after(MILLISECOND)));
        assert_eq!(end, Err(time::Error::TimedOut));
        let waited = time() - start;
        let least = 2 * frequency() / 1000;
        assert!(waited >= least && waited < least + time_of(5000), "{waited} ticks");
        assert!(is_quiet(), "nothing is left armed");

        assert_eq!(tx.write_all([byte, !byte]).block(Spin), Ok(2));
        assert_eq!(rx.recv().within(delay.after(MILLISECOND)).block(Park), Ok(byte));
        assert_eq!(block_on(rx.recv().within(delay.after(MILLISECOND))), Ok(!byte));
        assert!(is_quiet());
    }
}
crate::registry::test!(a_time_out_in_each_form);

/// Delays of every length from 0 ns up: an alarm that is already due ends the wait, too.
fn no_delay_is_lost(_: &'static Board) {
    let mut delay = delays();
    for n in 0..400 {
        let nanoseconds = n * STEP * 1_000_000_000 / ticks_per_second();
        let start = time();
        let Ok(()) = delay.after(Duration::from_nanos(nanoseconds)).block(Park);
        let Ok(()) = block_on(delay.after(Duration::from_nanos(nanoseconds)));
        assert!(time() - start < time_of(5000));
    }
    assert!(is_quiet());
}
crate::registry::test!(no_delay_is_lost);

/// The time-out of another crate, around operations: each is dropped when it is over.
fn an_operation_out_of_time_takes_nothing(_: &'static Board) {
    static OVER: AtomicBool = AtomicBool::new(false);

    #[embassy_executor::task]
    async fn task() {
        let (mut rx, mut tx) = COM1.uart.split().expect("free");
        let mut buffer = [0; 8];
        for byte in 0..10 {
            let millisecond = embassy_time::Duration::from_millis(1);
            assert!(with_timeout(millisecond, rx.recv()).await.is_err());
            assert!(with_timeout(2 * millisecond, rx.read_to_idle(&mut buffer)).await.is_err());
            assert_eq!(COM1.enabled(), 0, "dropped, it has masked its interrupt");
            assert_eq!(tx.write_all([byte, !byte]).block(Spin), Ok(2));
            assert_eq!(with_timeout(millisecond, rx.recv()).await, Ok(Ok(byte)));
            let rest = with_timeout(millisecond * 2, rx.read_to_idle(&mut buffer)).await;
            assert_eq!((rest, buffer[0]), (Ok(Ok(1)), !byte));
        }
        OVER.store(true, Relaxed);
    }

    COM1.install();
    COM1.uart.set_loopback(true);
    run_until(&OVER, |spawner| spawner.spawn(task().expect("the task is not running")));
}
crate::registry::test!(an_operation_out_of_time_takes_nothing);
