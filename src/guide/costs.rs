//! # costs
