//! What `virtio-drivers`' own driver asks of a platform, on this board: memory is identity-mapped, so
//! an address is the same for the processor and for a device.

use core::{
    cell::UnsafeCell,
    ptr::{self, NonNull},
};

use portable_atomic::{AtomicU8, Ordering};
use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

/// A queue of 16 takes two pages.
const PAGES: usize = 2;

#[repr(C, align(4096))]
struct Pool(UnsafeCell<[[u8; PAGE_SIZE]; PAGES]>);

// SAFETY: it is only used by address; `dma_alloc` gives a page to one caller at a time.
unsafe impl Sync for Pool {}

static POOL: Pool = Pool(UnsafeCell::new([[0; PAGE_SIZE]; PAGES]));
/// Pages that are given out, one bit each.
static GIVEN: AtomicU8 = AtomicU8::new(0);

/// The bits of this many pages from `first` on.
const fn bits(first: usize, pages: usize) -> u8 {
    ((1 << pages) - 1) << first
}

/// This board.
#[derive(Debug)]
pub enum Board {}

// SAFETY: the pages are zeroed, aligned, valid for ever, and given to one caller at a time.
unsafe impl Hal for Board {
    fn dma_alloc(pages: usize, _: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        const NONE: (PhysAddr, NonNull<u8>) = (0, NonNull::dangling()); // As the crate has it.
        let free = |given: u8| {
            (0..=PAGES.checked_sub(pages)?).find(|&first| given & bits(first, pages) == 0)
        };
        let given = GIVEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, |given| {
            free(given).map(|first| given | bits(first, pages))
        });
        let Some(first) = given.ok().and_then(free) else { return NONE };
        let memory = POOL.0.get().cast::<[u8; PAGE_SIZE]>().wrapping_add(first);
        // SAFETY: pages of the pool that were given to no other caller.
        unsafe { memory.write_bytes(0, pages) };
        NonNull::new(memory.cast::<u8>())
            .map_or(NONE, |memory| (memory.addr().get() as PhysAddr, memory))
    }

    unsafe fn dma_dealloc(_: PhysAddr, memory: NonNull<u8>, pages: usize) -> i32 {
        let first = (memory.addr().get() - POOL.0.get().addr()) / PAGE_SIZE;
        GIVEN.fetch_and(!bits(first, pages), Ordering::Release);
        0
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
