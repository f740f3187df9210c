//! `DelayNs`: a delay lasts at least as long as was asked.

use std::time::Duration;

use embedded_hal::delay::DelayNs;

/// The delays that were too short, each with the time that had really passed. `elapsed` returns the
/// time since any fixed point.
pub fn too_short(
    delay: &mut impl DelayNs,
    elapsed: impl Fn() -> Duration,
) -> Vec<(Duration, Duration)> {
    let mut too_short = Vec::new();
    let mut measure = |asked: Duration, pause: &mut dyn FnMut()| {
        let begun = elapsed();
        pause();
        let took = elapsed() - begun;
        if took < asked {
            too_short.push((asked, took));
        }
    };
    for n in [0, 1, 2, 999, 1001, 65_537, 4_294_968, u32::MAX] {
        measure(Duration::from_nanos(n.into()), &mut || delay.delay_ns(n));
        measure(Duration::from_micros(n.into()), &mut || delay.delay_us(n));
        measure(Duration::from_millis(n.into()), &mut || delay.delay_ms(n));
    }
    too_short
}
