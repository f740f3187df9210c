//! The same reads by `virtio-drivers`' own driver: its blocking call, and the two halves of that
//! call, which give its cost without its wait.

use board::counter::now;
use drivers::disk::transport;
use firmware::measure::exact::{span, steady};
use static_cell::ConstStaticCell;
use virtio_drivers::device::blk::{BlkReq, BlkResp, VirtIOBlk};

use crate::{CHUNK, memory::Board, report_host};

/// Reads of a run whose duration depends on the host.
const RUN: u64 = 32;

/// Reports the driver's figures; returns the instructions of a read without its wait.
pub fn cases() -> u64 {
    static MEMORY: ConstStaticCell<[u8; CHUNK]> = ConstStaticCell::new([0; CHUNK]);

    let memory = MEMORY.take();
    // SAFETY: the library's driver is set up after this, when the peer is gone.
    let found = unsafe { transport::find() };
    let transport::Found { transport, .. } = found.expect("there is a disk");
    let mut disk = VirtIOBlk::<Board, _>::new(transport).expect("it is set up");
    disk.disable_interrupts(); // There is no handler for them.

    let halves = steady(|| {
        let (mut request, mut response) = (BlkReq::default(), BlkResp::default());
        let mut token = None;
        let begin = span(|| {
            // SAFETY: all three live, and are not used, until the read is completed below.
            token = unsafe { disk.read_blocks_nb(8, &mut request, memory, &mut response) }.ok();
        });
        let token = token.expect("the queue is empty");
        while disk.peek_used().is_none() {
            core::hint::spin_loop();
        }
        let mut end = None;
        let rest = span(|| {
            if disk.peek_used() == Some(token) {
                // SAFETY: the read was begun with these.
                end = unsafe { disk.complete_read_blocks(token, &request, memory, &mut response) }
                    .ok();
            }
        });
        assert_eq!(end, Some(()));
        begin + rest
    });
    // After these the throttle of the disk is in effect.
    for _ in 0..4 * RUN {
        disk.read_blocks(8, memory).expect("it can be read");
    }
    let begin = now();
    let mut blocked = 0;
    for _ in 0..RUN {
        blocked += span(|| disk.read_blocks(8, memory).expect("it can be read"));
    }
    let all = now() - begin;
    report_host(
        "read_blocks",
        blocked,
        "4 KiB reads",
        RUN,
        "retried in a loop until the device is done",
    );
    // Between two calls nothing is in flight.
    report_host(
        "left_by_read_blocks",
        0,
        "of the run",
        all,
        "the call comes back when the device is done",
    );
    halves
}
