//! `Mmio` over an array: each register is one byte, and only that one is accessed.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use fakes::leak;
use wouldblock::uart16550::{Level, Mmio, Register, Registers, Uart};

const REGISTERS: [Register; 8] = [
    Register::Data,
    Register::InterruptEnable,
    Register::InterruptIdentification,
    Register::LineControl,
    Register::ModemControl,
    Register::LineStatus,
    Register::ModemStatus,
    Register::UartStatus,
];

/// The registers' memory for every stride that is used here. Each byte holds its own address.
type Bytes = [AtomicU8; 128];

fn bytes() -> &'static Bytes {
    leak(std::array::from_fn(|address| AtomicU8::new(address as u8)))
}

fn registers(bytes: &'static Bytes, stride: usize) -> Mmio {
    // SAFETY: 31 * 4 is inside the array, which lives for ever and is accessed by this thread only.
    // An `AtomicU8` may be written through `&`.
    unsafe { Mmio::new(bytes.as_ptr().cast::<u8>().cast_mut(), stride) }
}

#[test]
fn a_register_is_one_byte_at_its_stride() {
    for stride in [1, 4] {
        let bytes = bytes();
        let registers = registers(bytes, stride);
        for register in REGISTERS {
            let address = register as usize * stride;
            assert_eq!(registers.read(register), address as u8);
            registers.write(register, 0xff);
            for (at, byte) in bytes.iter().enumerate() {
                let expected = if at == address { 0xff } else { at as u8 };
                assert_eq!(byte.load(Relaxed), expected, "{register:?} at stride {stride}");
            }
            registers.write(register, address as u8);
        }
    }
}

#[test]
fn the_driver_runs_over_memory() {
    for stride in [1, 4] {
        let bytes = bytes();
        let register = |register: Register| &bytes[register as usize * stride];
        let uart = leak(Uart::new(registers(bytes, stride)));
        uart.initialize(1, Level::default());
        assert_eq!(
            register(Register::LineControl).load(Relaxed),
            0b11,
            "8 data bits, DLAB is clear"
        );
        assert_eq!(register(Register::InterruptEnable).load(Relaxed), 0);

        let (mut receiver, mut transmitter) = uart.split().unwrap();
        register(Register::LineStatus).store(0x60, Relaxed); // the transmitter is empty
        transmitter.try_send(b't').unwrap();
        assert_eq!(register(Register::Data).load(Relaxed), b't');
        register(Register::LineStatus).store(0x61, Relaxed); // a byte has come
        register(Register::Data).store(b'r', Relaxed);
        assert_eq!(receiver.try_recv(), Ok(b'r'));
    }
}
