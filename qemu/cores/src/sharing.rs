//! The library's mutex and channels, shared by the two cores.

/// A mutex: both cores add to the same numbers, and wait for the mutex spinning or asleep, at
/// random.
pub mod mutex {
    use core::sync::atomic::{AtomicBool, Ordering};

    use board::cores;
    use board::idle::Park;
    use wouldblock::{block::Spin, sync::Mutex};

    use crate::both::{Count, Random, count, meet, work};

    /// The least number of rounds of the first core.
    const LEAST: u64 = 10_000;
    /// The largest number of rounds. Between the two, it ends when a core has found the mutex
    /// locked [`OFTEN`].
    const MOST: u64 = 1_000_000;
    const OFTEN: u64 = 100;

    /// Two numbers that are equal whenever the mutex is free.
    static TOTALS: Mutex<[u64; 2], 2> = Mutex::new([0; 2]);

    static ADDED: Count = Count::new();
    static MET: Count = Count::new();
    static OVER: AtomicBool = AtomicBool::new(false);

    fn add(seed: u32, continues: impl Fn(u64) -> bool) {
        let mut locker = TOTALS.locker().expect("one for each core");
        let mut random = Random::new(seed);
        let mut rounds = 0;
        meet();
        while continues(rounds) {
            let mut totals = TOTALS.try_lock().unwrap_or_else(|_| {
                MET.add(1);
                let mut lock = locker.lock();
                let end = if random.below(2) == 0 { lock.block(Spin) } else { lock.block(Park) };
                let Ok(totals) = end;
                totals
            });
            assert_eq!(totals[0], totals[1], "the other core does not hold the mutex");
            totals[0] += 1;
            work(20);
            totals[1] += 1;
            drop(totals);
            cores::interrupt_other(); // It may be asleep, waiting for the mutex.
            ADDED.add(1);
            rounds += 1;
            work(20); // There is no queue: without a pause this core would always get it.
        }
    }

    /// Adds.
    pub fn first() {
        add(0x5eed_0010, |rounds| rounds < LEAST || (rounds < MOST && MET.get() < OFTEN));
        OVER.store(true, Ordering::Release);
        meet();
        let totals = TOTALS.try_lock().expect("both cores have ended");
        assert_eq!(*totals, [ADDED.get(); 2], "no addition is lost");
        count("additions", ADDED.get());
        count("met it held", MET.get());
    }

    /// Adds.
    pub fn second() {
        add(0x5eed_0020, |_| !OVER.load(Ordering::Acquire));
        meet();
    }
}

/// A channel from the first core to the second.
pub mod channel {
    use board::cores;
    use board::idle::Park;
    use wouldblock::{block::Spin, sync::Channel};

    use crate::both::{Random, count, meet};

    const VALUES: u64 = 5000;

    static CHANNEL: Channel<u64, 8> = Channel::new();

    /// Sends.
    pub fn first() {
        let mut sender = CHANNEL.sender().expect("the first core's end");
        meet();
        let mut random = Random::new(0x5eed_0030);
        for value in 0..VALUES {
            let mut send = sender.send(value);
            let Ok(()) = if random.below(2) == 0 { send.block(Spin) } else { send.block(Park) };
            drop(send);
            cores::interrupt_other();
        }
        meet();
        count("values", VALUES);
    }

    /// Receives, and checks the order.
    pub fn second() {
        meet();
        let mut receiver = CHANNEL.receiver().expect("the second core's end");
        let mut random = Random::new(0x5eed_0040);
        for value in 0..VALUES {
            let mut receive = receiver.recv();
            let Ok(received) =
                if random.below(2) == 0 { receive.block(Spin) } else { receive.block(Park) };
            assert_eq!(received, value, "each value once, in order");
            drop(receive);
            cores::interrupt_other();
        }
        meet();
    }
}

/// A channel that both cores send to and receive from.
pub mod shared_channel {
    use core::hint::spin_loop;

    use wouldblock::sync::SharedChannel;

    use crate::both::{Count, count, meet};

    const VALUES: u64 = 100_000;

    static CHANNEL: SharedChannel<u64, 8, 0> = SharedChannel::new();
    static RECEIVED: Count = Count::new();
    static SUM: Count = Count::new();

    /// Sends `VALUES` values from `first` on, and receives what arrives, until both cores have
    /// received all values.
    fn exchange(first: u64) {
        meet();
        let mut next = 0;
        while next < VALUES || RECEIVED.get() < 2 * VALUES {
            if next < VALUES && CHANNEL.try_send(first + next).is_ok() {
                next += 1;
            }
            if let Ok(value) = CHANNEL.try_recv() {
                SUM.add(value);
                RECEIVED.add(1);
            }
            spin_loop();
        }
        meet();
    }

    /// Exchanges.
    pub fn first() {
        exchange(0);
        assert!(CHANNEL.try_recv().is_err());
        assert_eq!(RECEIVED.get(), 2 * VALUES);
        assert_eq!(SUM.get(), (2 * VALUES - 1) * VALUES, "each value once");
        count("values", RECEIVED.get());
    }

    /// Exchanges.
    pub fn second() {
        exchange(VALUES);
    }
}
