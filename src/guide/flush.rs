//! # flush
