//! # timeouts
