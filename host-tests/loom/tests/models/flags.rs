//! `Flags`: no bit is lost or taken twice when one core raises while another takes.

use loom::{
    sync::atomic::{AtomicU32, Ordering::*},
    thread,
};
use wouldblock::{
    attempt,
    event::{Event, Flags, Waiter},
    nb,
};

use crate::run::{ASLEEP, block_on, explores, finds, leak};

const SOUND: u8 = 0;
/// Signals before it raises.
const SIGNALS_FIRST: u8 = 1;
/// Reads the bits and clears them in two accesses.
const TWO_STEPS: u8 = 2;

/// A copy of the flags, over the library's event.
struct Twin<const FLAW: u8> {
    raised: AtomicU32,
    event: Event,
}

impl<const FLAW: u8> Twin<FLAW> {
    fn raise(&self, bits: u32) {
        if FLAW == SIGNALS_FIRST {
            self.event.signal();
        }
        self.raised.fetch_or(bits, Release);
        if FLAW != SIGNALS_FIRST {
            self.event.signal();
        }
    }

    fn take(&self) -> u32 {
        if FLAW == TWO_STEPS {
            let bits = self.raised.load(Acquire);
            self.raised.store(0, Release);
            return bits;
        }
        self.raised.fetch_and(0, AcqRel)
    }
}

/// Another core raises two bits, one after the other. This core waits until it has taken both.
fn both_bits(
    raise: impl Fn(u32) + Send + 'static,
    take: impl Fn() -> u32,
    mut waiter: Waiter<'static>,
) {
    let raises = thread::spawn(move || {
        raise(1);
        raise(2);
    });
    let mut seen = 0;
    while seen != 3 {
        let bits = block_on(waiter.operation(attempt::from_fn(|| match take() {
            0 => Err::<u32, nb::Error<()>>(nb::Error::WouldBlock),
            bits => Ok(bits),
        })));
        let bits = bits.unwrap();
        assert_eq!(seen & bits, 0, "taken twice");
        seen |= bits;
    }
    raises.join().unwrap();
}

fn library() {
    let flags = leak(Flags::new());
    both_bits(|bits| flags.raise(bits), || flags.take(!0), flags.waiter().unwrap());
}

fn twin<const FLAW: u8>() {
    let twin = leak(Twin::<FLAW> { raised: AtomicU32::new(0), event: Event::new() });
    both_bits(|bits| twin.raise(bits), || twin.take(), twin.event.waiter().unwrap());
}

#[test]
fn every_bit_is_taken_once() {
    explores("flags", Some(3), 50, library);
    explores("flags, twin", Some(3), 50, twin::<SOUND>);
    finds("signal before bit", &[ASLEEP], twin::<SIGNALS_FIRST>);
    finds("bits taken in two steps", &[ASLEEP, "taken twice"], twin::<TWO_STEPS>);
}
