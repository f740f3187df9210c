//! # hal
