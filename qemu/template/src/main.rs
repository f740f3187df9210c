//! A firmware of your own: it sleeps until the timer interrupts, prints what it counted, and ends.

#![no_std]
#![no_main]

use core::{
    convert::Infallible,
    fmt::Write,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use board::{
    Board, alarm, exit,
    idle::Park,
    interrupts::{self, Line},
    serial::{COM1, Serial},
};
use wouldblock::{
    attempt::from_fn,
    block::Spin,
    event::{Event, OwedWake},
    uart16550::{Level, Uart},
};

/// Interrupts of the timer so far, and the event that tells of each.
static TICKS: AtomicU32 = AtomicU32::new(0);
static TICKED: Event = Event::new();

static UART: Uart<Serial> = Uart::new(COM1);

/// Counts, acknowledges, and only then wakes.
fn on_timer(line: Line) {
    TICKS.fetch_add(1, Relaxed);
    let wake = OwedWake::new(&TICKED);
    line.acknowledge();
    drop(wake);
}

/// One try to take a tick.
fn tick() -> nb::Result<u32, Infallible> {
    match TICKS.swap(0, Relaxed) {
        0 => Err(nb::Error::WouldBlock),
        ticks => Ok(ticks),
    }
}

board::entry!(main);

fn main(_: &'static Board) -> ! {
    Line::Timer.set_handler(on_timer);
    Line::Timer.enable();
    interrupts::enable();

    let mut waiter = TICKED.waiter().expect("the only waiter");
    alarm::one_shot(1_000_000);
    let Ok(ticks) = waiter.operation(from_fn(tick)).block(Park);

    UART.initialize(1, Level::default());
    let mut transmitter = UART.transmitter().expect("the only user of the port");
    writeln!(transmitter, "asleep until the timer's interrupt: {ticks}").expect("sent");
    let Ok(()) = transmitter.flush().block(Spin);
    exit::success()
}
