//! The peers' operations that correspond to the library's.

use core::{pin::pin, task::Poll};

use embassy_sync::{
    blocking_mutex::raw::CriticalSectionRawMutex, channel::Channel, signal::Signal,
};

use super::{Operation, nothing, poll};

pub(super) const OPERATIONS: [Operation; 2] =
    [Operation("embassy Signal", signal, nothing), Operation("embassy Channel", channel, nothing)];

fn signal() {
    static SIGNAL: Signal<CriticalSectionRawMutex, u32> = Signal::new();

    let mut wait = pin!(SIGNAL.wait());
    assert!(poll(&mut wait).is_pending());
    SIGNAL.signal(7);
    assert_eq!(poll(&mut wait), Poll::Ready(7));
}

fn channel() {
    static CHANNEL: Channel<CriticalSectionRawMutex, u32, 4> = Channel::new();

    let mut receive = CHANNEL.receive();
    assert!(poll(&mut receive).is_pending());
    assert_eq!(CHANNEL.try_send(7), Ok(()));
    assert_eq!(poll(&mut receive), Poll::Ready(7));
    while CHANNEL.try_send(7).is_ok() {}
    let mut send = CHANNEL.send(7);
    assert!(poll(&mut send).is_pending());
    assert_eq!(CHANNEL.try_receive(), Ok(7));
    assert!(poll(&mut send).is_ready());
    while CHANNEL.try_receive().is_ok() {}
}
