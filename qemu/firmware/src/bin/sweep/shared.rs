//! The channel of many ends, of which the handler is one.

use board::idle::Park;
use firmware::task::block_on;
use wouldblock::sync::SharedChannel;

use crate::placement::{Path, waits};

pub const PATHS: &[Path] = &[
    Path::new("shared channel receive", drain, put, receive),
    Path::new("shared channel receive, awaited", drain, put, receive_awaited),
    Path::new("shared channel send", fill, take, send),
    Path::new("shared channel send, awaited", fill, take, send_awaited),
];

static CHANNEL: SharedChannel<u32, 3, 1> = SharedChannel::new();

/// An empty channel, both events signalled. It holds three values, so that the events after a lost
/// one can rescue its wait.
fn drain() {
    while put() {}
    while take() {}
}

/// A full channel, both events signalled.
fn fill() {
    drain();
    while put() {}
}

fn put() -> bool {
    CHANNEL.try_send(0).is_ok()
}

fn take() -> bool {
    CHANNEL.try_recv().is_ok()
}

fn receive() {
    let mut receiver = CHANNEL.receiver().expect("one at a time");
    waits(|| {
        let Ok(_) = receiver.recv().block(Park);
    });
}

fn receive_awaited() {
    let mut receiver = CHANNEL.receiver().expect("one at a time");
    waits(|| {
        let Ok(_) = block_on(receiver.recv());
    });
}

fn send() {
    let mut sender = CHANNEL.sender().expect("one at a time");
    waits(|| {
        let Ok(()) = sender.send(1).block(Park);
    });
}

fn send_awaited() {
    let mut sender = CHANNEL.sender().expect("one at a time");
    waits(|| {
        let Ok(()) = block_on(sender.send(1));
    });
}
