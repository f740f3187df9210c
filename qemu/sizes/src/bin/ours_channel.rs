//! Bytes from the handler to a task.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, Receive, sink_ok},
    frame::{block_on, stop},
    in_handler::InHandler,
};
use wouldblock::sync::{Channel, Sender};

static CHANNEL: Channel<u8, 5> = Channel::new();
static SENDER: InHandler<Sender<'static, u8>> = InHandler::new();

sizes::program!(handler, foreground);

fn handler() {
    // SAFETY: this is the handler.
    if let Some(sender) = unsafe { SENDER.get() }
        && let Ok(byte) = FIRST.try_byte()
    {
        _ = sender.try_send(byte);
    }
}

fn foreground() -> ! {
    let Some((sender, mut receiver)) = CHANNEL.split() else { stop() };
    // SAFETY: once, and the interrupt is not enabled yet.
    unsafe { SENDER.put(sender) };
    FIRST.enable_interrupt(true);
    sink_ok(block_on(receiver.recv()));
    stop()
}
