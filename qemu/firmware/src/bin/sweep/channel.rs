//! Paths that wait for a channel whose other end the handler uses.

use board::idle::Park;
use firmware::task::{block_on, poll_by_nobody};
use portable_atomic::{AtomicUsize, Ordering::Relaxed};
use wouldblock::sync::{Channel, Mutex, Receiver, Sender};

use crate::placement::{Path, waits};

pub const PATHS: &[Path] = &[
    Path::new("channel receive", drain, put, receive),
    Path::new("channel receive, awaited", drain, put, receive_awaited),
    Path::new("channel send", fill, take, send),
    Path::new("channel send, awaited", fill, take, send_awaited),
];

// The path uses one end and the handler the other, never both the same.
static SENDER: Mutex<Option<Sender<'static, u32>>> = Mutex::new(None);
static RECEIVER: Mutex<Option<Receiver<'static, u32>>> = Mutex::new(None);

/// Runs `f` with the end that this side uses.
#[inline]
fn with<E, T>(end: &Mutex<Option<E>>, f: impl FnOnce(&mut E) -> T) -> T {
    let mut end = end.try_lock().expect("the other side has the other end");
    f(end.as_mut().expect("a path begins with `drain`"))
}

/// Empties the channel. It has room for three values, so that later events can rescue a wait whose
/// event was lost.
fn drain() {
    static CHANNEL: Channel<u32, 4> = Channel::new();
    let mut sender = SENDER.try_lock().expect("free between two runs");
    if sender.is_none() {
        let (first, second) = CHANNEL.split().expect("both ends");
        *sender = Some(first);
        *RECEIVER.try_lock().expect("free between two runs") = Some(second);
    }
    drop(sender);
    while take() {}
    with(&RECEIVER, |receiver| poll_by_nobody(&mut receiver.recv()));
    while put() {}
    with(&SENDER, |sender| poll_by_nobody(&mut sender.send(0)));
    while take() {}
    rewind();
}

/// Values that the handler, or this module between two runs, has sent and received.
static SENT: AtomicUsize = AtomicUsize::new(0);
static RECEIVED: AtomicUsize = AtomicUsize::new(0);

/// Brings the empty channel's ring, of four places, back to where it began: where its end is, a path
/// has other instructions.
fn rewind() {
    // One end was only used by this side, so it has counted every value.
    while SENT.load(Relaxed).max(RECEIVED.load(Relaxed)) % 4 != 0 {
        put();
        take();
    }
    SENT.store(0, Relaxed);
    RECEIVED.store(0, Relaxed);
}

/// Fills the channel.
fn fill() {
    drain();
    while put() {}
}

/// The handler sends; returns `false` if the channel is full.
fn put() -> bool {
    let sent = with(&SENDER, |sender| sender.try_send(0).is_ok());
    SENT.fetch_add(usize::from(sent), Relaxed);
    sent
}

/// The handler receives; returns `false` if the channel is empty.
fn take() -> bool {
    let received = with(&RECEIVER, |receiver| receiver.try_recv().is_ok());
    RECEIVED.fetch_add(usize::from(received), Relaxed);
    received
}

fn receive() {
    with(&RECEIVER, |receiver| {
        waits(|| {
            let Ok(_) = receiver.recv().block(Park);
        });
    });
}

fn receive_awaited() {
    with(&RECEIVER, |receiver| {
        waits(|| {
            let Ok(_) = block_on(receiver.recv());
        });
    });
}

fn send() {
    with(&SENDER, |sender| {
        waits(|| {
            let Ok(()) = sender.send(1).block(Park);
        });
    });
}

fn send_awaited() {
    with(&SENDER, |sender| {
        waits(|| {
            let Ok(()) = block_on(sender.send(1));
        });
    });
}
