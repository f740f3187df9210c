//! Devices that the board lacks: nothing is done with them.

#[cfg(not(device = "dma"))]
pub mod dma {
    use crate::random::Random;

    /// None.
    pub struct Engine;

    impl Engine {
        pub const fn take() -> Option<Self> {
            Some(Self)
        }

        pub const fn act(&mut self, _: &mut Random) {}

        pub const fn is_drained(&mut self) -> bool {
            true
        }
    }
}

#[cfg(not(device = "serial"))]
pub mod serial {
    use crate::random::Random;

    /// None.
    pub struct Ports;

    impl Ports {
        pub const fn take() -> Option<Self> {
            Some(Self)
        }

        pub const fn act(&mut self, _: u64, _: &mut Random) {}

        pub const fn have_sent(&mut self) -> bool {
            true
        }

        pub const fn drain(&mut self, _: &mut Random) {}
    }
}
