//! Data shared between a handler and the foreground.

use board::{
    Board,
    alarm::{STEP, periodic, stop},
    idle::Park,
    interrupts::Line,
};
use portable_atomic::{AtomicU32, Ordering::Relaxed};
use wouldblock::{
    block::block,
    sync::{Channel, Mutex, Sender},
};

use super::{interrupt_now, sleep_until};

fn a_handler_does_not_get_a_held_mutex(_: &'static Board) {
    static MUTEX: Mutex<u32> = Mutex::new(0);
    static REFUSED: AtomicU32 = AtomicU32::new(0);
    fn handler(line: Line) {
        match MUTEX.try_lock() {
            Ok(mut value) => *value += 1,
            Err(_) => drop(REFUSED.fetch_add(1, Relaxed)),
        }
        line.acknowledge();
    }

    let Ok(mut guard) = block(MUTEX.lock());
    interrupt_now(handler);
    sleep_until(|| REFUSED.load(Relaxed) == 1);
    *guard += 10;
    drop(guard);
    interrupt_now(handler);
    sleep_until(|| MUTEX.try_lock().is_ok_and(|value| *value == 11));
    assert_eq!(REFUSED.load(Relaxed), 1);
}
crate::registry::test!(a_handler_does_not_get_a_held_mutex);

/// A handler sends at every 997th instruction, and the foreground sleeps between: all values arrive, in
/// order.
fn a_channel_from_a_handler_to_a_sleeper(_: &'static Board) {
    static CHANNEL: Channel<u32, 5> = Channel::new();
    static SENDER: Mutex<Option<(Sender<'static, u32>, u32)>> = Mutex::new(None);
    fn handler(line: Line) {
        if let Ok(mut sender) = SENDER.try_lock()
            && let Some((sender, next)) = sender.as_mut()
        {
            *next += u32::from(sender.try_send(*next).is_ok());
        }
        line.acknowledge();
    }

    let (sender, mut receiver) = CHANNEL.split().expect("both ends");
    let Ok(mut shared) = block(SENDER.lock());
    *shared = Some((sender, 0));
    drop(shared);
    Line::Timer.set_handler(handler);
    Line::Timer.enable();
    periodic(997 * STEP);
    for expected in 0..500 {
        assert_eq!(receiver.recv().block(Park), Ok(expected));
    }
    stop();
}
crate::registry::test!(a_channel_from_a_handler_to_a_sleeper);

/// What is copied at once here is copied value by value on the host, under the sweep and loom.
fn slices_go_in_and_out_at_every_place_of_a_ring(_: &'static Board) {
    const CELLS: usize = 9;
    const SENT: [u16; CELLS] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    for place in 0..CELLS {
        for length in 1..=CELLS {
            let channel = Channel::<u16, CELLS>::new();
            let (mut sender, mut receiver) = channel.split().expect("a new channel");
            for _ in 0..place {
                assert_eq!(sender.try_send(0), Ok(()));
                assert_eq!(receiver.try_recv(), Ok(0));
            }
            let count = length.min(CELLS - 1);
            assert_eq!(sender.send_slice(&SENT[..length]).attempt(), Ok(count));
            let mut received = [0; CELLS];
            assert_eq!(receiver.recv_slice(&mut received).attempt(), Ok(count));
            assert_eq!((&received[..count], channel.len()), (&SENT[..count], 0));
            assert!(received[count..].iter().all(|value| *value == 0), "no more than was there");
        }
    }
}
crate::registry::test!(slices_go_in_and_out_at_every_place_of_a_ring);
