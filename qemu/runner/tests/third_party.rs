//! Two crates by other authors on the guest's UART, with the host at the other end: MAVLink frames
//! (`mavlink`, blocking, over `embedded-io`) and web pages (`edge-http`, awaited, over
//! `embedded-io-async`). The host's side is written after the protocols' documents, without the
//! crates.

use runner::{
    board::PC,
    boot::{Irq, Options, Rig},
    guest::{Guest, Run},
    report::{Report, Row},
};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    sync::LazyLock,
    thread,
    time::Duration,
};

/// The firmware with both crates, built once.
static RIG: LazyLock<Rig> =
    LazyLock::new(|| Rig::set_up("console", PC, Options::default()).expect("a firmware"));

/// A generous limit.
const LIMIT: Duration = Duration::from_secs(30);

/// Boots `command` with `talk` at the other end of its first serial port, and returns the row that the
/// guest reported. The guest must reach its end by itself.
fn converse(command: &str, irq: Irq, talk: impl FnOnce(UnixStream) + Send) -> Row {
    let (host, guest_side) = UnixStream::pair().expect("a socket pair");
    host.set_read_timeout(Some(LIMIT)).expect("a time-out that is not zero");
    let sink = Box::new(guest_side.try_clone().expect("a second handle"));
    let mut boot = RIG.boot(command, LIMIT);
    (boot.irq, boot.exact) = (Some(irq), false);
    let mut row = None;
    thread::scope(|scope| {
        let talk = scope.spawn(|| talk(host));
        let guest = Guest::boot(&boot, [sink, Box::new(io::sink())]).expect("a guest");
        let run = guest.offering(Box::new(guest_side)).run(|report| {
            if let Report::Row(report) = report {
                row = Some(report);
            }
        });
        // Both halves are shown: often the half that failed first is not the wrong one.
        let ended = run.and_then(Run::success).map_err(|error| error.to_string());
        let talked = talk.join().map_err(|_| "the host's half failed, see above");
        assert_eq!((ended.map(drop), talked), (Ok(()), Ok(())));
    });
    let row = row.expect("a report");
    assert!(row.holds, "{row:?}");
    row
}

/// A MAVLink 2 frame with a heartbeat (message 0;
/// <https://mavlink.io/en/guide/serialization.html>).
fn heartbeat(sequence: u8, system: u8, custom_mode: u32, status: u8) -> Vec<u8> {
    let mode = custom_mode.to_le_bytes();
    let payload = [mode[0], mode[1], mode[2], mode[3], 0, 8, 0, status, 3];
    let mut frame = vec![0xfd, 9, 0, 0, sequence, system, 1, 0, 0, 0];
    frame.extend(payload);
    frame.extend(checksum(&frame));
    frame
}

/// CRC-16/MCRF4XX.
fn mcrf4xx<'b>(bytes: impl IntoIterator<Item = &'b u8>) -> u16 {
    bytes.into_iter().fold(0xffff, |crc: u16, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0x8408 }
        })
    })
}

/// The checksum of a heartbeat: over all but its first byte, and an extra byte that belongs to the
/// message.
fn checksum(frame: &[u8]) -> [u8; 2] {
    mcrf4xx(frame[1..].iter().chain(&[50])).to_le_bytes()
}

#[test]
fn the_checksum_is_that_of_the_protocol() {
    assert_eq!(mcrf4xx(b"123456789"), 0x6f91, "the check value of CRC-16/MCRF4XX");
}

const STANDBY: u8 = 3;
const ACTIVE: u8 = 4;
const POWER_OFF: u8 = 7;

/// Sends heartbeats and checks the replies, between noise and frames with a wrong checksum.
fn fly(mut line: UnixStream) {
    let mut replies = line.try_clone().expect("a second handle");
    let mut send = |bytes: &[u8]| line.write_all(bytes).expect("the guest listens");
    for sequence in 0..20 {
        let custom_mode = 0xfffe_ffff + u32::from(sequence);
        if sequence % 3 == 0 {
            send(b"noise between frames");
            let mut wrong = heartbeat(sequence, 7, 1, STANDBY);
            wrong[12] ^= 0x10;
            send(&wrong);
        }
        // In pieces, so that a frame takes more than one interrupt.
        let frame = heartbeat(sequence, 7, custom_mode, STANDBY);
        let (first, rest) = frame.split_at(usize::from(sequence) % frame.len());
        send(first);
        thread::sleep(Duration::from_millis(1));
        send(rest);

        let mut reply = [0; 21];
        replies.read_exact(&mut reply).expect("a reply");
        let payload_mode: [u8; 4] = reply[10..14].try_into().expect("four bytes");
        assert_eq!(reply[..4], [0xfd, 9, 0, 0], "a frame of nine bytes");
        assert_eq!(reply[5..10], [42, 1, 0, 0, 0], "a heartbeat of system 42");
        assert_eq!(u32::from_le_bytes(payload_mode), custom_mode.wrapping_add(1));
        assert_eq!(reply[17], ACTIVE);
        assert_eq!(reply[19..], checksum(&reply[..19]));
    }
    send(&heartbeat(99, 7, 0, POWER_OFF));
}

#[test]
fn mavlink_blocks_on_the_uart_and_sleeps() {
    for irq in [Irq::Apic, Irq::Pic] {
        let row = converse("mavlink", irq, fly);
        assert_eq!(row.tries, 20, "every heartbeat was answered once");
    }
}

/// Sends a request, and returns the status and the body of the response.
fn request(line: &mut BufReader<UnixStream>, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let stream = line.get_mut();
    write!(stream, "{head} HTTP/1.1\r\nHost: guest\r\nContent-Length: {}\r\n\r\n", body.len())
        .and_then(|()| stream.write_all(body))
        .expect("the guest listens");
    let mut read_line = || {
        let mut text = String::new();
        line.read_line(&mut text).expect("a reply");
        text.trim_end().to_owned()
    };
    let status = read_line();
    let code = status.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let mut length = None;
    loop {
        let header = read_line().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok();
        }
    }
    let mut body = vec![0; length.expect("the response's length")];
    line.read_exact(&mut body).expect("the response's body");
    (code.unwrap_or_else(|| panic!("a status line, not {status:?}")), body)
}

/// The browser's side, on one connection that is kept alive.
fn browse(line: UnixStream) {
    let mut line = BufReader::new(line);
    let numbers: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let sum: u64 = numbers.iter().map(|&byte| u64::from(byte)).sum();
    for _ in 0..3 {
        assert_eq!(request(&mut line, "GET /", b"").1, b"blocking is synchronous\n");
        assert_eq!(request(&mut line, "GET /nowhere", b""), (404, Vec::new()));
        let (status, body) = request(&mut line, "POST /sum", &numbers);
        assert_eq!((status, String::from_utf8_lossy(&body).trim()), (200, &*sum.to_string()));
    }
    assert_eq!(request(&mut line, "POST /exit", b""), (200, Vec::new()));
}

#[test]
fn a_web_server_awaits_the_uart_and_its_executor_sleeps() {
    for irq in [Irq::Apic, Irq::Pic] {
        let row = converse("http", irq, browse);
        assert_eq!(row.tries, 10, "every request was served once");
    }
}
