//! Memory that is being flushed outlives the batch, also a batch that ends by its drop.

use wouldblock::cache::Cache;

fn main() {
    let outer = vec![0_u8; 64];
    let mut batch = Cache::get().unwrap().batch();
    {
        let inner = vec![0_u8; 64];
        batch.flush(&outer[..]);
        let _ = (inner.len(), outer.len());
    }
}
