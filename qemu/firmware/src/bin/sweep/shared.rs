//! Paths that wait for a channel with several senders and receivers, one of which is the handler.

use board::idle::Park;
use firmware::task::block_on;
use portable_atomic::{AtomicUsize, Ordering::Relaxed};
use wouldblock::sync::SharedChannel;

use crate::placement::{Path, waits};

pub const PATHS: &[Path] = &[
    Path::new("shared channel receive", drain, put, receive),
    Path::new("shared channel receive, awaited", drain, put, receive_awaited),
    Path::new("shared channel send", fill, take, send),
    Path::new("shared channel send, awaited", fill, take, send_awaited),
];

static CHANNEL: SharedChannel<u32, 3, 1> = SharedChannel::new();

/// Empties the channel, and leaves both its events signalled. It has room for three values, so that
/// later events can rescue a wait whose event was lost.
fn drain() {
    while put() {}
    while take() {}
    rewind();
}

/// Values that the handler, or this module between two runs, has sent and received.
static SENT: AtomicUsize = AtomicUsize::new(0);
static RECEIVED: AtomicUsize = AtomicUsize::new(0);

/// Brings the empty channel's ring, of three places, back to where it began: where its end is, a path
/// has other instructions.
fn rewind() {
    // One direction was only used by this side, so it has counted every value.
    while SENT.load(Relaxed).max(RECEIVED.load(Relaxed)) % 3 != 0 {
        put();
        take();
    }
    SENT.store(0, Relaxed);
    RECEIVED.store(0, Relaxed);
}

/// Fills the channel, and leaves both its events signalled.
fn fill() {
    drain();
    while put() {}
}

fn put() -> bool {
    let sent = CHANNEL.try_send(0).is_ok();
    SENT.fetch_add(usize::from(sent), Relaxed);
    sent
}

fn take() -> bool {
    let received = CHANNEL.try_recv().is_ok();
    RECEIVED.fetch_add(usize::from(received), Relaxed);
    received
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
