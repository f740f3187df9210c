//! Errors as the traits need them: kinds, and `core::error::Error`.

use embedded_hal_nb::serial;
use embedded_io::{Error, ErrorKind, Read};
use fakes::fake_16550::{BREAK, FRAMING, PARITY};
use wouldblock::{adapter::Reader, uart16550::LineError};

use crate::uart::Port;

/// The error of a reader for a byte with `errors`, or, with `None`, for more bytes than fit.
fn error(errors: Option<u8>) -> LineError {
    let (port, receiver, _transmitter) = Port::leak();
    match errors {
        Some(errors) => port.chip.far_end_sends_badly(b'?', errors),
        None => port.chip.far_end_sends(&[b'?'; 20]),
    }
    (0..20).for_each(|_| port.chip.tick());
    Reader::new(receiver).read(&mut [0]).expect_err("a line error")
}

#[test]
fn line_errors_have_their_kinds() {
    for (errors, kind, serial_kind) in [
        (Some(PARITY), ErrorKind::InvalidData, serial::ErrorKind::Parity),
        (Some(FRAMING), ErrorKind::InvalidData, serial::ErrorKind::FrameFormat),
        (Some(FRAMING | PARITY), ErrorKind::InvalidData, serial::ErrorKind::FrameFormat),
        (Some(BREAK), ErrorKind::Other, serial::ErrorKind::FrameFormat),
        (None, ErrorKind::Other, serial::ErrorKind::Overrun),
    ] {
        let error = error(errors);
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(serial::Error::kind(&error), serial_kind, "{error}");
        assert!((&error as &dyn core::error::Error).to_string().contains("LSR"));
    }
}
