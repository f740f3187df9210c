//! What the tests of the adapters share: a simulated serial line, the contracts of the traits as
//! checks, and streams that break these contracts.

pub mod broken;
pub mod conformance;
pub mod line;
