//! Edge-triggered interrupts of the first serial port and of the timer: the handler latches each
//! edge in a flag.

use core::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use board::{
    Board,
    alarm::{self, STEP},
    counter::clock,
    idle::Park,
    interrupts::Line,
    serial,
};
use firmware::{serial::COM1, task::block_on};
use wouldblock::{
    attempt::{self, Attempt},
    block::Spin,
    event::{Event, Flags},
    time,
    uart16550::{Register, Registers},
};

use super::{interrupt_in, sleep_until};

static EDGES: Flags = Flags::new();
const OF_THE_LINE: u32 = 1;
const OF_THE_TIMER: u32 = 2;

/// Reading the byte lowers the interrupt line: after that only the flag tells of the edge.
fn on_line(line: Line) {
    serial::COM1.read(Register::Data);
    line.acknowledge();
    EDGES.raise(OF_THE_LINE);
}

fn on_timer(line: Line) {
    line.acknowledge();
    EDGES.raise(OF_THE_TIMER);
}

/// Puts the port into loopback: its interrupt line rises with each byte.
fn install() {
    const RECEIVED: u8 = 1;
    COM1.install();
    COM1.uart.set_loopback(true);
    COM1.line().set_handler(on_line);
    serial::COM1.write(Register::InterruptEnable, RECEIVED);
}

/// Makes one edge; its handler has returned when this returns.
fn edge() {
    let taken = COM1.line().taken();
    serial::COM1.write(Register::Data, b'.');
    sleep_until(|| COM1.line().taken() == taken + 1);
}

fn an_edge_counts_from_where_it_was_asked_for(_: &'static Board) {
    install();
    let mut waiter = EDGES.waiter().expect("one waiter");
    edge();
    let mut line = EDGES.any_of(OF_THE_LINE);
    assert_eq!(line.attempt(), Err(nb::Error::WouldBlock), "it came before");
    edge();
    assert_eq!(line.attempt(), Ok(OF_THE_LINE));
    edge();
    assert_eq!(waiter.operation(&mut line).block(Park), Ok(OF_THE_LINE));
    edge();
    assert_eq!(block_on(waiter.operation(&mut line)), Ok(OF_THE_LINE));
    assert_eq!(waiter.operation(&mut line).attempt(), Err(nb::Error::WouldBlock), "taken once");
}
crate::registry::test!(an_edge_counts_from_where_it_was_asked_for);

fn an_edge_between_two_efforts_is_kept(_: &'static Board) {
    install();
    let mut waiter = EDGES.waiter().expect("one waiter");
    let mut line = EDGES.any_of(OF_THE_LINE);
    let microseconds = Duration::from_micros(10);
    for _ in 0..10 {
        let mut op = waiter.operation(&mut line);
        let end = op.block_for(alarm::park_until(), clock(), microseconds);
        assert_eq!(end, Err(time::Error::TimedOut));
        edge();
        assert_eq!(op.block_for(Spin, clock(), Duration::ZERO), Ok(OF_THE_LINE));
    }
    // One operation is polled once and dropped; then the edge; then another operation waits.
    let mut op = waiter.operation(&mut line);
    block_on(poll_fn(|context| {
        assert!(Pin::new(&mut op).poll(context).is_pending());
        Poll::Ready(())
    }));
    drop(op);
    edge();
    assert_eq!(waiter.operation(&mut line).block(Park), Ok(OF_THE_LINE));
}
crate::registry::test!(an_edge_between_two_efforts_is_kept);

/// The timer's edge at every instruction between the request and the sleep, in a blocking wait and
/// in a task.
fn no_edge_is_lost_at_any_instruction(_: &'static Board) {
    let mut waiter = EDGES.waiter().expect("one waiter");
    let mut timer = EDGES.any_of(OF_THE_TIMER);
    for n in 2..400 {
        interrupt_in(n * STEP, on_timer);
        assert_eq!(waiter.operation(&mut timer).block(Park), Ok(OF_THE_TIMER));
        interrupt_in(n * STEP, on_timer);
        assert_eq!(block_on(waiter.operation(&mut timer)), Ok(OF_THE_TIMER));
    }
    assert_eq!(Line::Timer.taken(), 2 * 398);
}
crate::registry::test!(no_edge_is_lost_at_any_instruction);

/// The way of a driver that keeps no operation between two polls.
fn polled_without_an_operation(_: &'static Board) {
    static EVENT: Event = Event::new();
    static FLAGS: Flags = Flags::new();
    fn on_timer(line: Line) {
        line.acknowledge();
        FLAGS.raise(OF_THE_TIMER);
        EVENT.signal();
    }

    let mut waiter = EVENT.waiter().expect("one waiter");
    FLAGS.take(OF_THE_TIMER);
    for n in 2..600 {
        interrupt_in(n * STEP, on_timer);
        let mut take = || match FLAGS.take(OF_THE_TIMER) {
            0 => Err::<(), nb::Error<()>>(nb::Error::WouldBlock),
            _ => Ok(()),
        };
        let end =
            block_on(poll_fn(|context| waiter.poll(context, &mut attempt::from_fn(&mut take))));
        assert_eq!(end, Ok(()));
    }
    assert_eq!(Line::Timer.taken(), 598);
}
crate::registry::test!(polled_without_an_operation);
