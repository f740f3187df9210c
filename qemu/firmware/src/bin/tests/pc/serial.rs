//! An edge of a serial port's line while the line is disabled.

use core::sync::atomic::Ordering::Relaxed;

use board::{
    Board,
    interrupts::{Controller, Line},
    serial::COM1,
};
use wouldblock::uart16550::{Register, Registers};

use crate::board::{
    serial::{RECEIVED, RECEIVED_SUM, loop_back, receive, send},
    settle, soon,
};

crate::registry::test!(edge_while_disabled);
fn edge_while_disabled(board: &'static Board) {
    loop_back(COM1);
    Line::Com1.set_handler(receive);
    Line::Com1.enable();
    Line::Com1.disable();
    send(COM1, 7);
    settle();
    assert_eq!(Line::Com1.taken(), 0, "a disabled line interrupts");
    Line::Com1.enable();
    settle();
    let kept = match board.controller {
        Controller::Pic => 1,
        Controller::Apic => 0,
    };
    assert_eq!(Line::Com1.taken(), kept);

    // Switching the interrupt off and on at the device makes a new edge, whether or not the
    // controller kept the first one.
    COM1.write(Register::InterruptEnable, 0);
    COM1.write(Register::InterruptEnable, RECEIVED);
    soon("the byte has been read", || RECEIVED_SUM.load(Relaxed) == 7);
    assert_eq!(Line::Com1.taken(), 1);
}
