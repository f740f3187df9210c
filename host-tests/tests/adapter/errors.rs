//! Errors, as the traits want them: kinds, and `core::error::Error`.

use embedded_hal_nb::serial;
use embedded_io::{Error, ErrorKind, Read, ReadReady};
use host_tests::pc::Pc;
use wouldblock::{
    adapter::{JoinError, Reader},
    uart16550::{LineError, Uart},
};

use crate::support::line::Fault;

/// What a UART's reader makes of the errors in LSR: the error and its two kinds.
fn kinds(status: u8) -> (ErrorKind, serial::ErrorKind) {
    todo!("{status}")
}
