//! What `virtio-drivers` asks of a platform, on this board: memory is identity-mapped, so an
//! address is the same for the processor and for a device.

use core::{
    cell::UnsafeCell,
    ptr::{self, NonNull},
    sync::atomic::{AtomicUsize, Ordering},
};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// A queue of 128 takes two.
const PAGES: usize = 4;

#[repr(C, align(4096))]
struct Pool(UnsafeCell<[[u8; PAGE_SIZE]; PAGES]>);

// SAFETY: it is only ever used by address; `dma_alloc` gives each page out once.
unsafe impl Sync for Pool {}

static POOL: Pool = Pool(UnsafeCell::new([[0; PAGE_SIZE]; PAGES]));
/// Pages given out. None comes back: a queue is set up once and stays.
static GIVEN: AtomicUsize = AtomicUsize::new(0);

/// This board.
#[derive(Debug)]
pub enum Board {}

// SAFETY: the pages are zeroed, aligned, valid for ever, and given out once.
unsafe impl Hal for Board {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let first = GIVEN.fetch_add(pages, Ordering::Relaxed);
        if first.saturating_add(pages) > PAGES {
            return (0, NonNull::dangling()); // As the crate has it: address 0 is a failure.
        }
        let memory = POOL.0.get().cast::<[u8; PAGE_SIZE]>().wrapping_add(first).cast::<u8>();
        NonNull::new(memory)
            .map_or((0, NonNull::dangling()), |memory| (memory.addr().get() as PhysAddr, memory))
    }

    unsafe fn dma_dealloc(_: PhysAddr, _: NonNull<u8>, _: usize) -> i32 {
        0 // Out of use for good.
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, _: usize) -> NonNull<u8> {
        NonNull::new(ptr::with_exposed_provenance_mut(address as usize))
            .expect("no register is at address 0")
    }

    unsafe fn share(buffer: NonNull<[u8]>, _: BufferDirection) -> PhysAddr {
        buffer.addr().get() as PhysAddr
    }

    unsafe fn unshare(_: PhysAddr, _: NonNull<[u8]>, _: BufferDirection) {}
}
