/// The registers, as the driver needs them. How they are reached is the board's (`in` and `out` on
/// a PC), so on the host a fake takes its place.
pub trait Ports {
    /// Port 0x64, the status register. Reading it changes nothing.
    fn status(&self) -> u8;

    /// Port 0x60, the output buffer. Reading it takes the byte, and the next one may come.
    fn take_data(&self) -> u8;

    /// Bit 0 of the command byte: whether a full output buffer requests IRQ 1.
    fn enable_interrupt(&self, on: bool);
}

/// Status, bit 0: there is a byte in the output buffer.
pub const OUTPUT_FULL: u8 = 1 << 0;
/// Status, bits 6 and 7: that byte came broken (time-out, parity).
pub const BROKEN: u8 = 0b11 << 6;
