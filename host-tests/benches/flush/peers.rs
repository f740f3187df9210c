//! The peers: libpmem, the sequence of the Linux kernel, a plain loop.

use std::{ffi::c_void, mem::transmute};

use nix::libc::{RTLD_NOW, dlopen, dlsym};
use wouldblock::cache::{Cache, mfence};

type Range = unsafe extern "C" fn(*const c_void, usize);
type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;

/// libpmem, as in Debian (`libpmem1`). Its `persist` ends with SFENCE, so what follows may come
/// before its flushes are complete. Every use here that needs them complete adds an MFENCE.
#[derive(Clone, Copy)]
pub struct Libpmem {
    persist: Range,
    flush: Range,
    memcpy_persist: Copy,
}

impl Libpmem {
    /// `None` if it is not installed.
    pub fn load() -> Option<Self> {
        // SAFETY: the names end with zeros; the library's own initialization is sound, and its
        // functions have these types (libpmem.h). It is never unloaded.
        unsafe {
            let library = dlopen(c"libpmem.so.1".as_ptr(), RTLD_NOW);
            if library.is_null() {
                return None;
            }
            let [persist, flush, memcpy_persist] =
                [c"pmem_persist", c"pmem_flush", c"pmem_memcpy_persist"]
                    .map(|name| dlsym(library, name.as_ptr()));
            if [persist, flush, memcpy_persist].iter().any(|function| function.is_null()) {
                return None;
            }
            Some(Self {
                persist: transmute::<*mut c_void, Range>(persist),
                flush: transmute::<*mut c_void, Range>(flush),
                memcpy_persist: transmute::<*mut c_void, Copy>(memcpy_persist),
            })
        }
    }

    pub fn persist(&self, bytes: &[u8]) {
        // SAFETY: flushes what is borrowed.
        unsafe { (self.persist)(bytes.as_ptr().cast(), bytes.len()) }
    }

    pub fn flush(&self, bytes: &[u8]) {
        // SAFETY: flushes what is borrowed.
        unsafe { (self.flush)(bytes.as_ptr().cast(), bytes.len()) }
    }

    pub fn memcpy_persist(&self, to: &mut [u8], from: &[u8]) {
        assert_eq!(to.len(), from.len());
        // SAFETY: both slices are borrowed, have the same length, and do not overlap.
        unsafe {
            (self.memcpy_persist)(to.as_mut_ptr().cast(), from.as_ptr().cast(), to.len());
        }
    }
}

/// Linux, `clflush_cache_range`: MFENCE, CLFLUSHOPT for each line, MFENCE.
pub fn linux(cache: Cache, bytes: &[u8]) {
    mfence();
    cache.flush_range(bytes);
}
