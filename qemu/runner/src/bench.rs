//! What waiting costs, in instructions, beside the peers: `cargo bench`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`instructions`] | `cargo bench --bench instructions`: the library's operations |
//! | `rows` | figures, their bounds, the table and the file of a bench |
//! | `code` | what a binary is made of |

mod code;
pub mod instructions;
mod rows;
