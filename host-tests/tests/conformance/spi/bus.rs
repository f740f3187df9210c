//! A bus as a HAL may have it: `SpiBus` of both colours over FIFOs of four words, whose calls return when
//! the last word is in the FIFO, as the traits allow.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    convert::Infallible,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use embedded_hal::{
    digital::{self, OutputPin},
    spi::{ErrorKind, ErrorType},
};
use wouldblock::testing::{boundary, conformance::SpiTarget};

const FIFO: usize = 4;

/// What a bus does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    None,
    /// What has come for a write is read by the next operation.
    KeepsWords,
    /// What has come for a call that was dropped is read by the next one.
    KeepsWordsOfTheDropped,
    /// The last word of a write is left out.
    LeavesOut,
    /// The handler does not wake.
    NeverWakes,
}

/// The controller and its handler.
pub struct Fifo {
    target: SpiTarget,
    /// Each with whether the word that comes for it is wanted.
    to_send: RefCell<VecDeque<(u8, bool)>>,
    received: RefCell<VecDeque<u8>>,
    waker: RefCell<Option<Waker>>,
    flaw: Flaw,
}

impl Fifo {
    pub fn new(target: SpiTarget, flaw: Flaw) -> Rc<Self> {
        let (to_send, received) = Default::default();
        Rc::new(Self { target, to_send, received, waker: RefCell::default(), flaw })
    }

    /// A word's time, and the interrupt after it.
    pub fn step(&self) {
        boundary();
        let word = self.to_send.borrow_mut().pop_front();
        if let Some((word, wanted)) = word {
            let came = self.target.word(word);
            if wanted || self.flaw == Flaw::KeepsWords {
                self.received.borrow_mut().push_back(came);
            }
        }
        let waker = self.waker.take().filter(|_| self.flaw != Flaw::NeverWakes);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What is in the FIFOs is thrown away. (Between two steps no word is being shifted.)
    pub fn clear(&self) {
        self.to_send.borrow_mut().clear();
        self.received.borrow_mut().clear();
    }

    async fn wait(&self, blocks: bool) {
        if blocks {
            return self.step();
        }
        let mut registered = false;
        poll_fn(|context| {
            if std::mem::replace(&mut registered, true) {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn fault(&self) -> Result<(), ErrorKind> {
        self.target.fault().map_or(Ok(()), Err)
    }

    /// Sends as many words as the longer one has, and returns when the last of `read` has come and the
    /// last of `write` is in the FIFO.
    pub async fn transfer(
        &self,
        blocks: bool,
        read: &[Cell<u8>],
        write: &[Cell<u8>],
    ) -> Result<(), ErrorKind> {
        self.fault()?;
        if !matches!(self.flaw, Flaw::KeepsWords | Flaw::KeepsWordsOfTheDropped) {
            // A call that was dropped has left words in the FIFOs: they are sent, and none is read.
            self.to_send.borrow_mut().iter_mut().for_each(|(_, wanted)| *wanted = false);
            self.received.borrow_mut().clear();
        }
        let left_out = usize::from(self.flaw == Flaw::LeavesOut && read.is_empty());
        let number = read.len().max(write.len().saturating_sub(left_out));
        let (mut sent, mut received) = (0, 0);
        loop {
            while sent < number && self.to_send.borrow().len() < FIFO {
                let word = write.get(sent).map_or(0xff, Cell::get);
                self.to_send.borrow_mut().push_back((word, sent < read.len()));
                sent += 1;
            }
            while received < read.len()
                && let Some(word) = self.received.borrow_mut().pop_front()
            {
                read[received].set(word);
                received += 1;
            }
            if sent == number && received == read.len() {
                return Ok(());
            }
            self.wait(blocks).await;
        }
    }

    /// The words are sent, and overwritten by those that come.
    async fn transfer_in_place(&self, blocks: bool, words: &[Cell<u8>]) -> Result<(), ErrorKind> {
        self.transfer(blocks, words, words).await
    }

    pub async fn flush(&self, blocks: bool) -> Result<(), ErrorKind> {
        while !self.to_send.borrow().is_empty() {
            self.wait(blocks).await;
        }
        self.fault()
    }
}

/// What never suspends.
pub fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(end) => end,
        Poll::Pending => panic!("it suspends"),
    }
}

/// A bus with both traits.
#[derive(Clone)]
pub struct Bus(pub Rc<Fifo>);

impl ErrorType for Bus {
    type Error = ErrorKind;
}

fn cells(words: &mut [u8]) -> &[Cell<u8>] {
    Cell::from_mut(words).as_slice_of_cells()
}

macro_rules! bus { ($(fn $name:ident($($words:ident: $type:ty),*) is $fifo:ident, $blocks:ident: $call:expr;)*) => {
    impl embedded_hal::spi::SpiBus for Bus {
        $(fn $name(&mut self $(, $words: $type)*) -> Result<(), ErrorKind> {
            let ($fifo, $blocks) = (&self.0, true);
            at_once(async { $call.await })
        })*
    }

    impl embedded_hal_async::spi::SpiBus for Bus {
        $(async fn $name(&mut self $(, $words: $type)*) -> Result<(), ErrorKind> {
            let ($fifo, $blocks) = (&self.0, false);
            $call.await
        })*
    }
} }

bus! {
    fn read(words: &mut [u8]) is fifo, blocks: fifo.transfer(blocks, cells(words), &[]);
    fn write(words: &[u8]) is fifo, blocks:
        fifo.transfer(blocks, &[], cells(&mut words.to_vec()));
    fn transfer(read: &mut [u8], write: &[u8]) is fifo, blocks:
        fifo.transfer(blocks, cells(read), cells(&mut write.to_vec()));
    fn transfer_in_place(words: &mut [u8]) is fifo, blocks:
        fifo.transfer_in_place(blocks, cells(words));
    fn flush() is fifo, blocks: fifo.flush(blocks);
}

/// The chip select.
#[derive(Clone)]
pub struct Select(pub SpiTarget);

impl digital::ErrorType for Select {
    type Error = Infallible;
}

impl OutputPin for Select {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.select(true);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.select(false);
        Ok(())
    }
}

/// A delay that only says how long it is.
#[derive(Clone)]
pub struct Delay(pub SpiTarget);

impl embedded_hal::delay::DelayNs for Delay {
    fn delay_ns(&mut self, time: u32) {
        self.0.pass(time);
    }
}

impl embedded_hal_async::delay::DelayNs for Delay {
    async fn delay_ns(&mut self, time: u32) {
        self.0.pass(time);
    }
}
