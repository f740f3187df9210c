//! Shows that no interrupt handler can panic. Everything of the library that a handler may call is
//! called here, each entry point in a function of its own, whose name is its symbol. The binaries
//! link these functions and a panic handler, and the runner looks at the linked file: the linker
//! keeps the panic handler only if something can reach it. The binaries are never booted.

#![no_std]

use core::{convert::Infallible, hint::black_box};

use wouldblock::{
    attempt::Attempt,
    event::{Broadcast, Event, Flags, OwedWake},
    job::{Background, Inline, ScopedSlot, Slot, Slots, Ticket},
    sync::{Mutex, Receiver, Sender, SharedChannel},
    uart16550::{self, ReadExact, ReadToIdle, Register, Registers, Transmitter, Uart, WriteAll},
};

/// A chip whose registers the compiler knows nothing about.
pub struct Port;

impl Registers for Port {
    fn read(&self, register: Register) -> u8 {
        black_box(register as u8)
    }

    fn write(&self, register: Register, value: u8) {
        black_box((register, value));
    }
}

type Half = uart16550::Receiver<'static, Port>;

/// The smallest operation.
pub struct Op;

impl Attempt for Op {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if black_box(false) { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Op {
    fn begin(&mut self) {}

    fn cancel(&mut self) {}
}

static BROADCAST: Broadcast<2> = Broadcast::new();
static COM1: Uart<Port> = Uart::new(Port);
static READ: Slot<ReadExact<Half, [u8; 32]>> = Slot::new();
static MESSAGE: Slot<ReadToIdle<Half, [u8; 32]>> = Slot::new();
static WRITE: Slot<WriteAll<Transmitter<'static, Port>, [u8; 32]>> = Slot::new();
static EVENT: Event = Event::new();
static FLAGS: Flags = Flags::new();
static MUTEX: Mutex<u32, 1> = Mutex::new(0);
static QUEUE: SharedChannel<u32, 4, 1> = SharedChannel::new();
static INLINE: Slot<Inline<(), Infallible, 8>> = Slot::new();
static SCOPED: ScopedSlot = ScopedSlot::new();
static SLOT: Slot<Op> = Slot::new();
static SLOTS: Slots<Op, 4> = Slots::new();

/// All entry points.
pub const HANDLERS: ([fn(); 9], Sends, Receives) = (
    [
        handler_event,
        handler_broadcast,
        handler_slot,
        handler_inline,
        handler_line,
        handler_slots,
        handler_uart,
        handler_mutex,
        handler_shared_channel,
    ],
    handler_send,
    handler_receive,
);

type Sends = fn(&mut Sender<'static, u32>) -> bool;
type Receives = fn(&mut Receiver<'static, u32>) -> Option<u32>;

/// A binary that links `$keeps`, and nothing else.
#[macro_export]
macro_rules! link {
    ($keeps:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn _start() -> ! {
            core::hint::black_box($keeps);
            loop {
                core::hint::spin_loop();
            }
        }

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
            loop {
                core::hint::spin_loop();
            }
        }
    };
}

#[unsafe(no_mangle)]
fn handler_event() {
    EVENT.signal();
    FLAGS.raise(black_box(1));
    black_box(FLAGS.take(black_box(1)));
    drop(OwedWake::new(black_box(&EVENT)));
}

#[unsafe(no_mangle)]
fn handler_broadcast() {
    BROADCAST.signal();
}

#[unsafe(no_mangle)]
fn handler_slot() {
    let stepped = SLOT.on_interrupt();
    black_box(stepped.step());
    drop(stepped);
    SLOT.cancel();
}

/// A step, and the next start, of an operation whose type is erased.
#[unsafe(no_mangle)]
fn handler_inline() {
    drop(INLINE.on_interrupt());
    black_box(INLINE.start_with(Inline::new(Op), |_| ()).is_ok());
}

#[unsafe(no_mangle)]
fn handler_line() {
    drop(SCOPED.on_interrupt());
}

/// The end of a request, and the start of another one, as a callback may do it.
#[unsafe(no_mangle)]
fn handler_slots() {
    let stepped = SLOTS.on_interrupt(Ticket::from_bits(black_box(1)));
    black_box(stepped.step());
    drop(stepped);
    SLOTS.cancel(Ticket::from_bits(black_box(1)));
    black_box(SLOTS.reserve().map(|reserved| reserved.start_with(Op, |_| ())).is_ok());
}

#[unsafe(no_mangle)]
fn handler_uart() {
    let owed = COM1.on_interrupt();
    let read = (READ.on_interrupt(), MESSAGE.on_interrupt());
    drop((read, WRITE.on_interrupt(), owed));
}

#[unsafe(no_mangle)]
fn handler_mutex() {
    if let Ok(mut guard) = MUTEX.try_lock() {
        *guard = guard.wrapping_add(1);
    }
}

#[unsafe(no_mangle)]
fn handler_shared_channel() {
    black_box(QUEUE.try_send(black_box(1)).is_ok());
    black_box(QUEUE.try_recv().is_ok());
}

#[unsafe(no_mangle)]
fn handler_send(sender: &mut Sender<'static, u32>) -> bool {
    sender.try_send(1).is_ok()
}

#[unsafe(no_mangle)]
fn handler_receive(receiver: &mut Receiver<'static, u32>) -> Option<u32> {
    receiver.try_recv().ok()
}
