//! `sync::SharedChannel`: a queue against `VecDeque`, between threads, and a send that is given up.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

use proptest::prelude::*;
use wouldblock::{block::Spin, nb, sync::SharedChannel};

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn threads_share_a_channel_and_each_value_is_received_once() {
    const EACH: u32 = 3000;
    static CHANNEL: SharedChannel<u32, 4, 2> = SharedChannel::new();
    static SUM: AtomicU32 = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for form in 0..2 {
            scope.spawn(move || {
                let mut sender = CHANNEL.sender().unwrap();
                for value in 0..EACH {
                    let Ok(()) = if form == 0 {
                        sender.send(value).block(Spin)
                    } else {
                        pollster::block_on(sender.send(value))
                    };
                }
            });
            scope.spawn(move || {
                let mut receiver = CHANNEL.receiver().unwrap();
                for _ in 0..EACH {
                    let Ok(value) = if form == 0 {
                        receiver.recv().block(Spin)
                    } else {
                        pollster::block_on(receiver.recv())
                    };
                    SUM.fetch_add(value, SeqCst);
                }
            });
        }
    });
    assert_eq!(SUM.load(SeqCst), EACH * (EACH - 1));
    assert_eq!(CHANNEL.try_recv(), Err(nb::Error::WouldBlock));
}

#[test]
fn a_send_that_is_given_up_gives_its_value_back() {
    let channel = SharedChannel::<String, 1, 1>::new();
    assert_eq!(channel.try_send("first".into()), Ok(()));
    let mut sender = channel.sender().unwrap();
    let mut send = sender.send("second".into());
    assert_eq!(send.attempt(), Err(nb::Error::WouldBlock));
    assert_eq!(send.into_inner().into_value().as_deref(), Some("second"));
    assert_eq!(channel.try_recv().as_deref(), Ok("first"));
    let mut send = sender.send("third".into());
    assert_eq!(send.attempt(), Ok(()));
    assert_eq!(send.attempt(), Ok(()), "it is sent once");
    assert_eq!(send.into_inner().into_value(), None);
    assert_eq!(channel.try_recv().as_deref(), Ok("third"));
    assert_eq!(channel.try_recv(), Err(nb::Error::WouldBlock));
}

proptest! {
    #[test]
    fn a_shared_channel_is_a_queue(steps in prop::collection::vec(any::<Option<u8>>(), 0..200)) {
        let channel = SharedChannel::<u8, 5, 0>::new();
        let mut model = VecDeque::new();
        for step in steps {
            match step {
                Some(value) if model.len() < 5 => {
                    model.push_back(value);
                    prop_assert_eq!(channel.try_send(value), Ok(()));
                }
                Some(value) => prop_assert_eq!(channel.try_send(value), Err(value)),
                None => prop_assert_eq!(channel.try_recv().ok(), model.pop_front()),
            }
        }
    }
}
