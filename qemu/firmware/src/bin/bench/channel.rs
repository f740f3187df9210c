//! One value sent into a channel, and received from it, without a waiter.

use core::hint::black_box;

use embassy_sync::{
    blocking_mutex::raw::CriticalSectionRawMutex, channel::Channel as EmbassyChannel,
};
use firmware::measure::exact::{span, steady};
use heapless::spsc::Queue;
use wouldblock::sync::Channel;

use crate::report;

const LENGTH: usize = 16;

/// The figures of sending and of receiving.
fn both<E>(mut send: impl FnMut(u32), mut receive: impl FnMut() -> Result<u32, E>) -> [u64; 2] {
    let mut other = 0;
    let sending = steady(|| {
        let instructions = span(|| send(black_box(7)));
        assert!(receive().is_ok());
        instructions
    });
    let receiving = steady(|| {
        other += 1;
        send(other);
        let mut received = None;
        let instructions = span(|| received = receive().ok());
        assert_eq!(received, Some(other));
        instructions
    });
    [sending, receiving]
}

pub fn cases() {
    let channel = Channel::<u32, LENGTH>::new();
    let (mut sender, mut receiver) = black_box(&channel).split().expect("both ends");
    let (sender, receiver) = (black_box(&mut sender), black_box(&mut receiver));
    let ours = both(|value| sender.try_send(value).unwrap(), || receiver.try_recv());

    let mut queue = Queue::<u32, LENGTH>::new();
    let (mut producer, mut consumer) = black_box(&mut queue).split();
    let (producer, consumer) = (black_box(&mut producer), black_box(&mut consumer));
    let heapless = both(|value| producer.enqueue(value).unwrap(), || consumer.dequeue().ok_or(()));

    static EMBASSY: EmbassyChannel<CriticalSectionRawMutex, u32, LENGTH> = EmbassyChannel::new();
    let embassy = both(|value| EMBASSY.try_send(value).unwrap(), || EMBASSY.try_receive());

    for (n, case) in ["channel_try_send", "channel_try_receive"].into_iter().enumerate() {
        report(case, ours[n], &[("heapless spsc", heapless[n]), ("embassy Channel", embassy[n])]);
    }
}
