//! A device that holds tokens and has an interrupt enable, behind a controller that latches edges;
//! and the world around a driver for it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use wouldblock::{
    attempt::Attempt,
    job::Background,
    nb,
    testing::{World, boundary},
};

/// The interrupt line is high while the device holds tokens and is enabled. The controller forgets
/// an edge when the line falls again.
#[derive(Debug, Default)]
pub struct Device {
    tokens: AtomicU32,
    enabled: AtomicBool,
    line: AtomicBool,
    request: AtomicBool,
    stuck: AtomicBool,
}

impl Device {
    /// A device with no token, disabled, that lives for ever.
    pub fn new() -> &'static Self {
        crate::leak(Self::default())
    }

    fn update(&self) {
        let line = self.tokens.load(Relaxed) > 0 && self.enabled.load(Relaxed);
        if line && !self.line.swap(line, Relaxed) {
            self.request.store(true, Relaxed);
        }
        self.line.store(line, Relaxed);
        self.request.fetch_and(line, Relaxed);
    }

    /// Adds a token. This is not an access of the program, so it has no boundary.
    pub fn put(&self) {
        self.tokens.fetch_add(1, Relaxed);
        self.update();
    }

    /// From now on, [`take`](Self::take) takes no tokens out.
    pub fn set_stuck(&self) {
        self.stuck.store(true, Relaxed);
    }

    /// The number of tokens, and whether the device is enabled; without a boundary.
    pub fn state(&self) -> (u32, bool) {
        (self.tokens.load(Relaxed), self.enabled.load(Relaxed))
    }

    /// A read of a register: takes a token out. `false` if there was none.
    pub fn take(&self) -> bool {
        boundary();
        let some = self.tokens.load(Relaxed) > 0 && !self.stuck.load(Relaxed);
        if some {
            self.tokens.fetch_sub(1, Relaxed);
            self.update();
        }
        some
    }

    /// A write of a register: the interrupt enable.
    pub fn enable(&self, on: bool) {
        boundary();
        self.enabled.store(on, Relaxed);
        self.update();
    }

    /// Takes the controller's request: whether there was one.
    pub fn take_request(&self) -> bool {
        self.request.swap(false, Relaxed)
    }
}

/// Takes a number of tokens, one or more in a try. As a background operation it is a complete
/// driver.
#[derive(Debug)]
pub struct Take {
    device: &'static Device,
    taken: u32,
    wanted: u32,
}

impl Take {
    /// Takes `wanted` tokens.
    pub const fn new(device: &'static Device, wanted: u32) -> Self {
        Self { device, taken: 0, wanted }
    }
}

impl Take {
    /// The same operation, from the beginning.
    pub const fn again(self) -> Self {
        Self::new(self.device, self.wanted)
    }
}

impl Attempt for Take {
    type Output = u32;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<u32, ()> {
        while self.taken < self.wanted {
            if !self.device.take() {
                return Err(nb::Error::WouldBlock);
            }
            self.taken += 1;
        }
        Ok(self.taken)
    }

    fn arm(&mut self) {
        self.device.enable(true);
    }

    fn disarm(&mut self) {
        self.device.enable(false);
    }
}

impl Background for Take {
    fn begin(&mut self) {
        self.device.enable(true);
    }

    fn cancel(&mut self) {
        self.wanted = self.taken;
    }
}

/// A device and a driver for it. Each event of the sweep adds a token.
pub struct Rig<D> {
    pub device: &'static Device,
    pub driver: D,
    handler: fn(&'static Device, &D),
}

impl<D> Rig<D> {
    /// A new device, with `driver` and its interrupt handler.
    pub fn new(driver: D, handler: fn(&'static Device, &D)) -> Self {
        Self { device: Device::new(), driver, handler }
    }

    /// Takes `wanted` tokens.
    pub fn take(&self, wanted: u32) -> Take {
        Take::new(self.device, wanted)
    }

    /// Asserts that nothing is left armed.
    #[track_caller]
    pub fn assert_disarmed(&self) {
        assert!(!self.device.state().1, "left armed");
    }
}

impl<D: 'static> World for Rig<D> {
    fn event(&self) {
        self.device.put();
    }

    fn deliver(&self) -> bool {
        let requested = self.device.take_request();
        if requested {
            (self.handler)(self.device, &self.driver);
        }
        requested
    }
}
