//! `mavlink`, a framed protocol with checksums: the guest replies to each heartbeat with another
//! one, until the host says that it powers off. It reads and writes by the blocking traits of
//! `embedded-io`, and sleeps while it waits.

use board::idle::Park;
use embedded_io::Write;
use firmware::{
    measure::count::Meter,
    report::{Kind, Report, Row},
};
use mavlink::{
    MavHeader, MavlinkReader, MavlinkVersion,
    dialects::minimal::{HEARTBEAT_DATA, MavAutopilot, MavMessage, MavModeFlag, MavState, MavType},
    error::MessageReadError,
    write_v2_msg,
};
use wouldblock::adapter::{Reader, Writer};

use crate::{Rx, Tx};

/// The guest's number in the protocol.
const SYSTEM: u32 = 42;

pub fn talk(rx: Rx, tx: Tx) -> Report<'static> {
    let meter = Meter::default();
    let mut replies = 0;
    let ((), cost) = meter.measure(|| {
        let mut reader = MavlinkReader::new(Reader::with_idle(rx, meter.counting(Park)));
        let mut writer = Writer::with_idle(tx, meter.counting(Park));
        loop {
            let (from, message) = match reader.read_message::<MavMessage>(MavlinkVersion::V2) {
                Ok(message) => message,
                Err(MessageReadError::Io) => panic!("the line has no errors"),
                Err(MessageReadError::Parse(_)) => continue,
            };
            let MavMessage::HEARTBEAT(beat) = message;
            if beat.system_status == MavState::MAV_STATE_POWEROFF {
                break;
            }
            let header = MavHeader { system_id: SYSTEM, ..from };
            let Ok(_) = write_v2_msg(&mut writer, header, &reply(&beat)) else {
                panic!("the line has no errors")
            };
            let Ok(()) = writer.flush();
            replies += 1;
        }
    });
    Report::Row(Row {
        row: "MAVLink heartbeats answered, over embedded-io",
        kind: Kind::Blocking,
        call: "MavlinkReader::read_message",
        holds: true,
        tries: replies,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "tries: heartbeats answered; it slept until they came",
    })
}

/// A heartbeat that depends on `beat`, so that the guest must have read it.
fn reply(beat: &HEARTBEAT_DATA) -> MavMessage {
    MavMessage::HEARTBEAT(HEARTBEAT_DATA {
        custom_mode: beat.custom_mode.wrapping_add(1),
        mavtype: MavType::MAV_TYPE_GENERIC,
        autopilot: MavAutopilot::MAV_AUTOPILOT_INVALID,
        base_mode: MavModeFlag::empty(),
        system_status: MavState::MAV_STATE_ACTIVE,
        mavlink_version: 3,
    })
}
