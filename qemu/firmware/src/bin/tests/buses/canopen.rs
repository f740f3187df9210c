//! The crate `canopen-rs`, unchanged, at both ends of a bus: a server in a task, and a client that blocks.

use board::{Board, idle::Park, interrupts};
use canopen_rs::{
    Address, DataType, Entry, NodeId, ObjectDictionary, Value,
    sdo::{SdoClient, SdoEvent, SdoPayload, SdoServer},
    transport::{cob_id, frame_from},
};
use drivers::can::{self, Controller, Frame};
use embedded_can::{Frame as _, blocking};
use firmware::executor::start_in_handler;
use wouldblock::can::{Can, Receiver, Transmitter};

const NODE: u8 = 0x10;
const CONSTANT: Address = Address::new(0x1000, 0);
const VARIABLE: Address = Address::new(0x2000, 1);
const READ_ONLY: u32 = 0x0601_0002;

/// The data of a frame; shorter ones are filled up with zeros.
fn payload(frame: &Frame) -> SdoPayload {
    let mut payload = SdoPayload::default();
    payload[..frame.data().len()].copy_from_slice(frame.data());
    payload
}

/// A server that awaits requests.
#[embassy_executor::task]
async fn server(
    mut transmitter: Transmitter<'static, &'static Controller>,
    mut receiver: Receiver<'static, &'static Controller>,
) {
    let mut objects = ObjectDictionary::<4>::new();
    for (address, entry) in [
        (CONSTANT, Entry::constant(Value::Unsigned32(0x1234))),
        (VARIABLE, Entry::rw(Value::Unsigned16(0))),
    ] {
        objects.insert(address, entry).expect("room");
    }
    let mut server = SdoServer::new(NodeId::new(NODE).expect("a node"));
    loop {
        let frame = receiver.receive().await.expect("a frame");
        if cob_id(&frame) != Some(server.request_cob_id()) {
            continue;
        }
        if let Some(response) = server.handle(&mut objects, &payload(&frame)) {
            let frame: Frame = frame_from(server.response_cob_id(), &response).expect("a frame");
            transmitter.transmit(&frame).await.expect("sent");
        }
    }
}

/// A client that knows `embedded-can` only: one request and its responses, to the end.
fn transact(
    can: &mut impl blocking::Can<Frame = Frame, Error = can::Error>,
    client: &mut SdoClient,
    mut request: SdoPayload,
) -> Result<Option<Value>, u32> {
    loop {
        let frame = frame_from(client.request_cob_id(), &request).expect("a frame");
        can.transmit(&frame).expect("sent");
        let frame = can.receive().expect("a response");
        assert_eq!(cob_id(&frame), Some(client.response_cob_id()));
        match client.on_response(&payload(&frame)) {
            SdoEvent::Send(next) => request = next,
            SdoEvent::Complete(value) => return Ok(value),
            SdoEvent::Aborted(code) => return Err(code),
        }
    }
}

fn a_client_blocks_and_a_server_awaits(_: &'static Board) {
    const ROUNDS: u16 = 100;
    let [first, second] = can::take().expect("both cards");
    let halves = |controller: &'static Controller| {
        let (transmitter, receiver) = (controller.transmitter(), controller.receiver());
        (transmitter.expect("one"), receiver.expect("one"))
    };
    let (transmitter, receiver) = halves(second);
    let task = server(transmitter, receiver).expect("the task is not running");
    start_in_handler().spawn(task);
    let (transmitter, receiver) = halves(first);
    let mut can = Can { transmitter, receiver, idle: Park };
    let mut client = SdoClient::new(NodeId::new(NODE).expect("a node"));
    let before = interrupts::taken();
    for round in 0..ROUNDS {
        let request = client.write(VARIABLE, Value::Unsigned16(round));
        assert_eq!(transact(&mut can, &mut client, request), Ok(None));
        let request = client.read(VARIABLE, DataType::Unsigned16);
        let value = transact(&mut can, &mut client, request);
        assert_eq!(value, Ok(Some(Value::Unsigned16(round))));
        let request = client.read(CONSTANT, DataType::Unsigned32);
        let value = transact(&mut can, &mut client, request);
        assert_eq!(value, Ok(Some(Value::Unsigned32(0x1234))));
        let request = client.write(CONSTANT, Value::Unsigned32(0));
        assert_eq!(transact(&mut can, &mut client, request), Err(READ_ONLY));
    }
    let taken = interrupts::taken() - before;
    defmt::info!("{=u16} requests, {=u64} interrupts", 4 * ROUNDS, taken);
    assert!(taken >= u64::from(4 * ROUNDS), "each request interrupts the server");
}
crate::registry::test!(a_client_blocks_and_a_server_awaits, needs Can);
