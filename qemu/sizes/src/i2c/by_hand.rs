//! The bus by hand, as HALs write it: straight code from START to STOP, once blocking and once async.
//! Adjacent operations of one direction are one run, whatever goes wrong ends in STOP, and a future that
//! is dropped asks for STOP and does not wait.

use core::{future::poll_fn, task::Poll};

use embassy_sync::waitqueue::AtomicWaker;
use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};

use super::chip::{self, command, status};

/// The task that waits for the end of a command.
static TASK: AtomicWaker = AtomicWaker::new();

/// For the handler, when the controller is quiet.
#[inline(always)]
pub fn on_interrupt() {
    TASK.wake();
}

fn reads(operation: &Operation<'_>) -> bool {
    matches!(operation, Operation::Read(_))
}

/// How the last command has ended, once it has.
fn end(wanted: u32, addressing: bool) -> Option<Result<(), ErrorKind>> {
    let status = chip::take_status();
    let error = match status {
        _ if status & status::ARBITRATION_LOST != 0 => ErrorKind::ArbitrationLoss,
        _ if status & status::ABNORMAL != 0 => ErrorKind::Bus,
        _ if status & status::NOT_ACKNOWLEDGED != 0 => ErrorKind::NoAcknowledge(match addressing {
            true => NoAcknowledgeSource::Address,
            false => NoAcknowledgeSource::Data,
        }),
        _ => return (status & wanted != 0).then_some(Ok(())),
    };
    Some(Err(error))
}

/// The runs of a transaction. `$ended` waits for the end of a command.
macro_rules! move_runs {
    ($address:ident, $operations:ident, $ended:ident $(, $await:tt)?) => {{
        let mut last = None;
        for at in 0..$operations.len() {
            let reads_next = $operations.get(at + 1).is_some_and(reads);
            let reads = reads(&$operations[at]);
            if last != Some(reads) {
                last = Some(reads);
                chip::set_byte($address << 1 | u8::from(reads));
                chip::give(command::START | command::SEND);
                $ended(status::ACKNOWLEDGED, true)$(.$await)??;
            }
            match &mut $operations[at] {
                Operation::Write(bytes) => {
                    for &byte in bytes.iter() {
                        chip::set_byte(byte);
                        chip::give(command::SEND);
                        $ended(status::ACKNOWLEDGED, false)$(.$await)??;
                    }
                }
                Operation::Read(bytes) => {
                    let mut left = bytes.len();
                    for byte in bytes.iter_mut() {
                        left -= 1;
                        let is_last = left == 0 && !reads_next;
                        chip::give(command::RECEIVE | if is_last { command::LAST } else { 0 });
                        $ended(status::RECEIVED, false)$(.$await)??;
                        *byte = chip::byte();
                    }
                }
            }
        }
        Ok(())
    }};
}

/// Blocking.
#[derive(Debug)]
pub struct Blocking;

impl ErrorType for Blocking {
    type Error = ErrorKind;
}

impl Blocking {
    fn runs(address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        move_runs!(address, operations, spin)
    }
}

impl I2c for Blocking {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), ErrorKind> {
        let end = Self::runs(address, operations);
        if end != Err(ErrorKind::ArbitrationLoss) {
            chip::give(command::STOP);
            spin(status::STOPPED, false)?;
        }
        end
    }
}

fn spin(wanted: u32, addressing: bool) -> Result<(), ErrorKind> {
    loop {
        if let Some(end) = end(wanted, addressing) {
            return end;
        }
    }
}

/// Async.
#[derive(Debug)]
pub struct Awaited;

impl ErrorType for Awaited {
    type Error = ErrorKind;
}

impl Awaited {
    async fn runs(address: u8, operations: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        move_runs!(address, operations, wait, await)
    }
}

impl embedded_hal_async::i2c::I2c for Awaited {
    async fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), ErrorKind> {
        let owed = StopOwed;
        let end = Self::runs(address, operations).await;
        if end != Err(ErrorKind::ArbitrationLoss) {
            chip::give(command::STOP);
            wait(status::STOPPED, false).await?;
        }
        core::mem::forget(owed);
        end
    }
}

async fn wait(wanted: u32, addressing: bool) -> Result<(), ErrorKind> {
    poll_fn(|context| {
        TASK.register(context.waker());
        match end(wanted, addressing) {
            Some(end) => Poll::Ready(end),
            None => {
                chip::enable_interrupt(true);
                Poll::Pending
            }
        }
    })
    .await
}

/// Dropped if the future is: asks for STOP.
struct StopOwed;

impl Drop for StopOwed {
    fn drop(&mut self) {
        chip::enable_interrupt(false);
        chip::give(command::STOP);
    }
}
