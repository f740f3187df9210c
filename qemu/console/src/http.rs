//! `edge-http`, a web server: the serial line is one connection that is kept alive. The server
//! reads and writes by the traits of `embedded-io-async`, in a task of embassy's executor.

use core::fmt::Write as _;

use board::idle::Park;
use edge_http::{
    Method,
    io::{Error, server::Connection},
};
use embedded_io_async::{Read, Write};
use firmware::{
    executor::Executor,
    measure::count::Meter,
    report::{Kind, Report, Row},
};
use heapless::String;
use wouldblock::{
    adapter::{Reader, Writer},
    sync::Mutex,
    uart16550::LineError,
};

use crate::{
    Rx, Tx,
    join::{Join, JoinError},
};

/// An error of the serial line or of HTTP.
type Failure = Error<JoinError<LineError, core::convert::Infallible>>;

/// Requests served.
static SERVED: Mutex<Option<u64>> = Mutex::new(None);

pub fn talk(rx: Rx, tx: Tx) -> Report<'static> {
    let meter = Meter::default();
    let mut executor = Executor::take();
    executor.spawner().spawn(serve_all(rx, tx).expect("the task is not running"));
    let (served, cost) =
        meter.measure(|| executor.run_until(|| *SERVED.try_lock().ok()?, meter.counting(Park)));
    Report::Row(Row {
        row: "HTTP requests served, over embedded-io-async",
        kind: Kind::Asynchronous,
        call: "Connection::new(..).await",
        holds: true,
        tries: served,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "tries: requests served; the executor slept until they came",
    })
}

#[embassy_executor::task]
async fn serve_all(rx: Rx, tx: Tx) {
    let mut stream = Join { reader: Reader::new(rx), writer: Writer::new(tx) };
    let mut served = 0;
    loop {
        let last = match serve(&mut stream).await {
            Ok(last) => last,
            Err(error) => panic!("a request cannot be served: {error:?}"),
        };
        served += 1;
        if last {
            break;
        }
    }
    if let Ok(mut end) = SERVED.try_lock() {
        *end = Some(served);
    }
}

/// Serves one request; returns whether it was the last.
async fn serve<S>(stream: &mut S) -> Result<bool, Failure>
where
    S: Read + Write<Error = JoinError<LineError, core::convert::Infallible>>,
{
    const PLAIN: (&str, &str) = ("Content-Type", "text/plain");
    let mut buffer = [0; 1024];
    let mut connection = Connection::<_, 8>::new(&mut buffer, &mut *stream).await?;
    let headers = connection.headers()?;
    let mut response = String::<128>::new();
    let (status, last) = match (headers.method, headers.path) {
        (Method::Get, "/") => {
            _ = response.push_str("blocking is synchronous\n");
            (200, false)
        }
        (Method::Post, "/sum") => {
            _ = writeln!(response, "{}", sum_of_body(&mut connection).await?);
            (200, false)
        }
        (Method::Post, "/exit") => (200, true),
        _ => (404, false),
    };
    let mut length = String::<8>::new();
    _ = write!(length, "{}", response.len());
    connection.initiate_response(status, None, &[PLAIN, ("Content-Length", &length)]).await?;
    connection.write_all(response.as_bytes()).await?;
    connection.complete().await?;
    stream.flush().await.map_err(Error::Io)?;
    Ok(last)
}

/// The sum of all bytes of the request's body.
async fn sum_of_body<S>(body: &mut S) -> Result<u64, S::Error>
where
    S: Read,
{
    let (mut sum, mut buffer) = (0, [0; 64]);
    loop {
        match body.read(&mut buffer).await? {
            0 => return Ok(sum),
            count => sum += buffer[..count].iter().map(|&byte| u64::from(byte)).sum::<u64>(),
        }
    }
}
