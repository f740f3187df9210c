//! An idler that gives up, so that a wait that never ends is a failure with a message.

use wouldblock::block::Idle;

/// Spins this many times, and panics where another look is needed.
#[derive(Clone, Copy, Debug)]
pub struct AtMost(pub u32);

impl Idle for AtMost {
    #[track_caller]
    fn idle(&mut self, _: impl Fn() -> bool) {
        assert!(self.0 > 0, "what is waited for does not come");
        self.0 -= 1;
    }
}
