//! A value that is being sent borrows the sender, also taken out of its operation: one context sends.

use wouldblock::{Attempt, sync::Channel};

static CHANNEL: Channel<u8, 4> = Channel::new();

fn main() {
    let mut sender = CHANNEL.sender().unwrap();
    let mut sending = sender.send(1).into_inner();
    let other = &mut sender;
    let _ = (sending.attempt(), other);
}
