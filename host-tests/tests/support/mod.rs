//! What the tests of the adapters share: a serial line to run them over, the contracts of the
//! traits as checks, and streams that break them.

pub mod broken;
pub mod conformance;
pub mod line;
