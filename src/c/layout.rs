//! For the header only, not for Rust programs: the numbers that C hands over where Rust has an
//! enum, and the layout of the structs. This module asserts the layout; the header makes the C
//! compiler assert it too.

use super::{Batch, Cache, Log, Record, Region};
use crate::cache;

/// An [`Instruction`](super::Instruction) as C hands it over.
pub type InstructionNumber = u32;
/// A [`Domain`](super::Domain) as C hands it over.
pub type DomainNumber = u32;
/// A [`Status`](super::Status) as C hands it over.
pub type StatusNumber = u32;

/// Lines that are issued in one step.
pub const WB_LINES_PER_STEP: usize = 32;

/// Bytes in a `wb_batch`.
pub const WB_BATCH_SIZE: usize = 48;
/// Its alignment in bytes.
pub const WB_BATCH_ALIGNMENT: usize = 8;
/// Bytes in a `wb_cache`.
pub const WB_CACHE_SIZE: usize = 20;
/// Its alignment in bytes.
pub const WB_CACHE_ALIGNMENT: usize = 4;
/// Bytes in a `wb_log`.
pub const WB_LOG_SIZE: usize = 120;
/// Its alignment in bytes.
pub const WB_LOG_ALIGNMENT: usize = 8;
/// Bytes in a `wb_record`.
pub const WB_RECORD_SIZE: usize = 40;
/// Its alignment in bytes.
pub const WB_RECORD_ALIGNMENT: usize = 8;
/// Bytes in a `wb_region`.
pub const WB_REGION_SIZE: usize = 48;
/// Its alignment in bytes.
pub const WB_REGION_ALIGNMENT: usize = 8;

const _: () = {
    assert!(WB_LINES_PER_STEP == cache::LINES_PER_STEP);
    const fn is<T>(size: usize, alignment: usize) {
        assert!(size_of::<T>() == size && align_of::<T>() == alignment);
    }
    is::<Batch>(WB_BATCH_SIZE, WB_BATCH_ALIGNMENT);
    is::<Cache>(WB_CACHE_SIZE, WB_CACHE_ALIGNMENT);
    is::<Log>(WB_LOG_SIZE, WB_LOG_ALIGNMENT);
    is::<Record>(WB_RECORD_SIZE, WB_RECORD_ALIGNMENT);
    is::<Region>(WB_REGION_SIZE, WB_REGION_ALIGNMENT);
};
