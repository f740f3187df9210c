//! The conformance checks of `testing::check`: each accepts an operation that keeps the promise and
//! refuses one that breaks it.

use std::fmt::Debug;

use wouldblock::{
    Attempt, attempt,
    job::{Background, Slot},
    nb,
    testing::{
        World, boundary,
        check::{self, Violation},
        in_critical_section,
    },
};

use crate::{
    device::{Device, Rig, Take},
    leak,
};

/// How an operation breaks a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// A try that would block takes something out of the device.
    Loses,
    /// A try waits until it can succeed.
    Waits,
    /// `arm` does nothing, though the source is masked.
    NeverArms,
    /// `disarm` does nothing.
    StaysArmed,
    /// `begin` does as much of the work as it can.
    WorksInBegin,
    /// No interrupt follows `begin`.
    NoInterrupt,
    /// `cancel` does nothing.
    IgnoresCancel,
}

#[derive(Debug)]
struct Flawed {
    take: Take,
    device: &'static Device,
    flaw: Flaw,
}

impl Flawed {
    fn new(device: &'static Device, wanted: u32, flaw: Flaw) -> Self {
        Self { take: Take::new(device, wanted), device, flaw }
    }
}

impl Attempt for Flawed {
    type Output = u32;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<u32, ()> {
        loop {
            match self.take.attempt() {
                Err(nb::Error::WouldBlock) if self.flaw == Flaw::Waits => {}
                Err(nb::Error::WouldBlock) if self.flaw == Flaw::Loses => {
                    self.device.put();
                    return Err(nb::Error::WouldBlock);
                }
                end => return end,
            }
        }
    }

    fn arm(&mut self) {
        if self.flaw != Flaw::NeverArms {
            self.take.arm();
        }
    }

    fn disarm(&mut self) {
        if self.flaw != Flaw::StaysArmed {
            self.take.disarm();
        }
    }
}

impl Background for Flawed {
    fn begin(&mut self) {
        match self.flaw {
            Flaw::WorksInBegin => while self.device.take() {},
            Flaw::NoInterrupt => return,
            _ => {}
        }
        self.take.begin();
    }

    fn cancel(&mut self) {
        if self.flaw != Flaw::IgnoresCancel {
            self.take.cancel();
        }
    }
}

type FlawedRig = Rig<&'static Slot<Flawed>>;

fn rig() -> FlawedRig {
    Rig::new(leak(Slot::new()), |device, slot| {
        device.enable(false);
        drop(slot.on_interrupt());
    })
}

/// Asserts that `check` accepts the sound operation and refuses each flawed one.
#[track_caller]
fn tells_apart<T: Debug>(flaws: &[Flaw], check: impl Fn(Flaw) -> Result<T, Violation>) {
    let kept = check(Flaw::None);
    println!("promise kept: {kept:?}");
    assert!(kept.is_ok(), "{kept:?}");
    for &flaw in flaws {
        let broken = check(flaw).expect_err("the flaw was not found");
        println!("promise broken, {flaw:?}: {broken}");
    }
}

#[test]
fn tries_lose_nothing() {
    tells_apart(&[Flaw::Loses], |flaw| {
        let device = Device::new();
        let mut op = Flawed::new(device, 2, flaw);
        check::tries_lose_nothing(&mut op, 100, || device.state())
    });
    let device = Device::new();
    device.put();
    let ready = check::tries_lose_nothing(&mut Take::new(device, 1), 1, || ());
    assert!(ready.is_err(), "a device that is ready shows nothing");
}

#[test]
fn a_try_is_bounded() {
    tells_apart(&[Flaw::Waits], |flaw| {
        check::a_try_is_bounded(move || Flawed::new(Device::new(), 1, flaw), 10)
    });
}

#[test]
fn arm_announces_what_has_come() {
    tells_apart(&[Flaw::NeverArms], |flaw| {
        let rig = rig();
        check::arm_announces_what_has_come(&mut Flawed::new(rig.device, 1, flaw), &rig)
    });
}

#[test]
fn disarm_takes_arm_back() {
    tells_apart(&[Flaw::StaysArmed], |flaw| {
        let device = Device::new();
        check::disarm_takes_arm_back(&mut Flawed::new(device, 1, flaw), || device.state())
    });
}

#[test]
fn arm_enables_the_source() {
    tells_apart(&[Flaw::NeverArms, Flaw::StaysArmed], |flaw| {
        let device = Device::new();
        check::arm_enables_the_source(&mut Flawed::new(device, 1, flaw), || device.state().1)
    });
    // A wrapper that forwards, and its twin that does not.
    let device = Device::new();
    let enabled = || device.state().1;
    let mut wrapped = Take::new(device, 1).map(|taken| taken + 1);
    assert_eq!(check::arm_enables_the_source(&mut wrapped, enabled), Ok(()));
    let mut take = Take::new(device, 1);
    let mut deaf = attempt::from_fn(|| take.attempt());
    assert!(check::arm_enables_the_source(&mut deaf, enabled).is_err());
}

#[test]
fn begin_costs_the_same() {
    tells_apart(&[Flaw::WorksInBegin], |flaw| {
        let [ready, stuck] = [(); 2].map(|()| Device::new());
        ready.put();
        stuck.put();
        stuck.set_stuck();
        let [ready, stuck] = [ready, stuck].map(|device| Flawed::new(device, 1, flaw));
        check::begin_costs_the_same(ready, stuck)
    });
}

#[test]
fn interrupts_end_it() {
    tells_apart(&[Flaw::NoInterrupt], |flaw| {
        let rig = rig();
        check::interrupts_end_it(rig.driver, Flawed::new(rig.device, 3, flaw), &rig, 20)
    });
}

#[test]
fn cancel_ends_it() {
    tells_apart(&[Flaw::IgnoresCancel], |flaw| {
        let rig = rig();
        check::cancel_ends_it(rig.driver, Flawed::new(rig.device, 3, flaw), &rig, 20)
    });
}

#[test]
fn a_slot_that_is_busy_is_no_conformance() {
    let rig = rig();
    rig.driver.start(Flawed::new(rig.device, 1, Flaw::None)).unwrap().detach();
    let op = Flawed::new(rig.device, 1, Flaw::None);
    assert!(check::interrupts_end_it(rig.driver, op, &rig, 20).is_err());
    rig.event();
    assert!(rig.deliver() && rig.driver.is_idle());
}

#[test]
fn costs_are_counted_in_boundaries() {
    let cost = check::a_try_is_bounded(
        || {
            attempt::from_fn(|| {
                boundary();
                critical_section::with(|_| boundary());
                Ok::<_, nb::Error<()>>(())
            })
        },
        4,
    );
    assert_eq!(cost, Ok(4), "the two, and both ends of the critical section");
}

#[test]
fn critical_sections_are_seen() {
    assert!(!in_critical_section());
    critical_section::with(|_| {
        assert!(in_critical_section());
        critical_section::with(|_| assert!(in_critical_section()));
        assert!(in_critical_section());
    });
    assert!(!in_critical_section());
}
