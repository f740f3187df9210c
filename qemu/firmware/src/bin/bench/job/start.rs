//! The start of a job, on a real UART whose interrupt line is disabled: a receive that is started on a silent line, and
//! one that is started when all bytes have arrived.

use drivers::buffer::Buffer;
use firmware::{
    measure::{
        count::Counted,
        exact::{span, steady},
    },
    serial::{COM2, Receiving},
};
use static_cell::ConstStaticCell;
use wouldblock::{block::Spin, job::Job, uart16550::Level};

use crate::report;

pub fn cases() {
    static MEMORY: ConstStaticCell<[u8; 8]> = ConstStaticCell::new([0; 8]);

    // Both are measured at the same place.
    #[inline(never)]
    fn start(op: Receiving) -> (Job<Receiving>, u64) {
        let mut started = None;
        let instructions = span(|| started = Some(COM2.receiving.start(op)));
        (started.and_then(Result::ok).expect("idle"), instructions)
    }

    COM2.uart.initialize(1, Level::default());
    COM2.uart.set_loopback(true);
    let mut memory = Some(Buffer::new(MEMORY.take()));
    let mut figure = |bytes: &[u8]| {
        steady(|| {
            let (receiver, mut transmitter) = COM2.uart.split().expect("the port is free");
            let Ok(_) = transmitter.write_all(bytes).block(Spin);
            let op = receiver.into_read_exact(memory.take().expect("it came back"));
            let (mut job, instructions) = start(Counted::new(op));
            if bytes.is_empty() {
                assert!(job.attempt().is_err(), "nothing has arrived");
                job.cancel();
            }
            let done = job.wait(Spin);
            assert_eq!(done.result, Ok(bytes.len()));
            memory = Some(done.op.op.into_parts().1);
            instructions
        })
    };
    let (stuck, ready) = (figure(&[]), figure(b"complete"));
    report("job_start", stuck, &[("on a ready device", ready)]);
}
