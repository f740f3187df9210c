//! `cargo bench`: what waiting costs, in instructions, in bytes and in time, beside the peers.
//!
//! | module | what it holds |
//! |---|---|
//! | [`instructions`] | `cargo bench --bench instructions`: the library's operations |
//! | [`io`] | `cargo bench --bench io`: reads from a disk, bytes through a UART |
//! | [`size`] | `cargo bench --bench size`: bytes of flash and RAM, for each target |
//! | [`cycles`] | `cargo bench --bench cycles`: real time on the host |
//! | `rows` | figures, their bounds, the table and the file of a bench |
//! | `code` | the instructions and symbols of a binary |

mod code;
pub mod cycles;
pub mod instructions;
pub mod io;
mod rows;
pub mod size;
