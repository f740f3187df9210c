//! Background operations with their output or error passed through a function.

use super::Background;
use crate::attempt::{Map, MapErr};

impl<A: Background, T: Send, F: FnMut(A::Output) -> T + Send> Background for Map<A, F> {
    forward_background!(|this| this.attempt);
}

impl<A: Background, E: Send, F: FnMut(A::Error) -> E + Send> Background for MapErr<A, F> {
    forward_background!(|this| this.attempt);
}
