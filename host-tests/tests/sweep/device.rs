//! A device that holds tokens, with an interrupt enable, behind a controller that latches edges;
//! and the world around a driver for it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use wouldblock::{
    attempt::Attempt,
    job::Background,
    nb,
    testing::{World, boundary},
};

/// Its line is high while there are tokens and it is enabled. An edge that has fallen again is
/// forgotten by the controller.
#[derive(Debug, Default)]
pub struct Device {
    tokens: AtomicU32,
    enabled: AtomicBool,
    line: AtomicBool,
    request: AtomicBool,
    stuck: AtomicBool,
}

impl Device {
    /// With no token, not enabled, for ever.
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

    /// One more token. No access of the program's.
    pub fn put(&self) {
        self.tokens.fetch_add(1, Relaxed);
        self.update();
    }

    /// It takes no tokens out any more.
    pub fn set_stuck(&self) {
        self.stuck.store(true, Relaxed);
    }

    /// Tokens in it, and whether it is enabled, without a boundary.
    pub fn state(&self) -> (u32, bool) {
        (self.tokens.load(Relaxed), self.enabled.load(Relaxed))
    }

    /// A register: one token less, or `false` if there was none.
    pub fn take(&self) -> bool {
        boundary();
        let some = self.tokens.load(Relaxed) > 0 && !self.stuck.load(Relaxed);
        if some {
            self.tokens.fetch_sub(1, Relaxed);
            self.update();
        }
        some
    }

    /// A register: the interrupt enable.
    pub fn enable(&self, on: bool) {
        boundary();
        self.enabled.store(on, Relaxed);
        self.update();
    }

    /// The controller's request, taken.
    pub fn take_request(&self) -> bool {
        self.request.swap(false, Relaxed)
    }
}

/// Takes a number of tokens, one or more in a try. As a background operation it is all that a
/// driver is asked for.
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
    /// The same once more.
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

/// A device and a driver for it. Each event is a token.
pub struct Rig<D> {
    pub device: &'static Device,
    pub driver: D,
    handler: fn(&'static Device, &D),
}

impl<D> Rig<D> {
    /// With `driver` and its interrupt handler.
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
