//! Sizes in bytes.

use embassy_sync::{
    blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal, waitqueue::AtomicWaker,
};
use wouldblock::{
    attempt::FromFn,
    event::{Event, Operation, wait::Tied},
    job::{Job, Slot},
};

use crate::{job::Receive, report};

pub fn cases() {
    type Try = FromFn<fn() -> nb::Result<(), ()>>;

    let report = |case, ours: usize, peer, peer_value: usize| {
        report(case, ours as u64, &[(peer, peer_value as u64)]);
    };
    report("event_bytes", size_of::<Event>(), "embassy AtomicWaker", size_of::<AtomicWaker>());
    let operation = size_of::<Operation<Tied<'static, Try>>>();
    report("operation_bytes", operation, "the attempt alone", size_of::<Try>());
    report(
        "slot_overhead_bytes",
        size_of::<Slot<Receive>>() - size_of::<Receive>() - size_of::<u32>(),
        "embassy Signal",
        size_of::<Signal<CriticalSectionRawMutex, u8>>(),
    );
    report("job_bytes", size_of::<Job<Receive>>(), "a reference", size_of::<&u8>());
}
