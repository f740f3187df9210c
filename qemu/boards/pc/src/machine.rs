//! Which of QEMU's machines this is.

/// One of QEMU's machines, told apart by the PCI host bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Machine {
    /// `-M pc`: i440FX and PIIX3.
    Pc,
    /// `-M q35`: Q35 and ICH9.
    Q35,
    /// `-M microvm`: no PCI.
    Microvm,
}
