//! The cases: which programs are linked for a target, and over which others they are counted.

use super::{V6M, V7EM};

/// A case: a program of ours, and one of each peer.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    /// Our program is `ours_` and this.
    program: &'static str,
    /// The name of each peer, and its program.
    pub peers: &'static [(&'static str, &'static str)],
    /// The case over whose programs, ours and the first peer's, these are counted. `None`: over the frame.
    over: Option<&'static str>,
    /// The targets it is measured for. `None`: all of them.
    targets: Option<&'static [&'static str]>,
}

/// The program over which most others are counted.
pub const FRAME: &str = "frame";

const HAND_WRITTEN: &str = "hand-written";

/// Cortex-M: the figures of the buses.
const BUSES: Option<&[&str]> = Some(&[V7EM, V6M]);

const TWICE: Case = Case::new("six_forms_twice", &[(HAND_WRITTEN, "peer_six_forms_twice")]);

/// All of them. A second type of driver, and a second driver on a bus, are what they add to the first.
pub const CASES: [Case; 15] = [
    Case::new("try", &[(HAND_WRITTEN, "peer_try")]),
    Case::new("block", &[(HAND_WRITTEN, "peer_block")]),
    Case::new("block_for", &[(HAND_WRITTEN, "peer_block_for")]),
    Case::new("await", &[("embassy Signal", "peer_await")]),
    Case::new("job", &[("job over embassy Signal", "peer_job")]),
    Case::new("callback", &[("fn pointer in a static", "peer_callback")]),
    Case::new("six_forms", &[(HAND_WRITTEN, "peer_six_forms")]),
    TWICE,
    Case { name: "second_type", over: Some("six_forms"), ..TWICE },
    Case::new(
        "channel",
        &[
            ("embassy Channel", "peer_channel"),
            ("heapless spsc + embassy AtomicWaker", "peer_channel_heapless"),
        ],
    ),
    Case::bus("i2c_blocking", &[(HAND_WRITTEN, "peer_i2c_blocking")]),
    Case::bus("i2c_async", &[(HAND_WRITTEN, "peer_i2c_async")]),
    Case::bus("i2c_both", &[(HAND_WRITTEN, "peer_i2c_both")]),
    Case::bus("i2c_shared", &[("hand-written + embassy Mutex", "peer_i2c_shared")]),
    Case {
        over: Some("i2c_both"),
        ..Case::bus("i2c_second_driver", &[(HAND_WRITTEN, "peer_i2c_second_driver")])
    },
];

impl Case {
    const fn new(name: &'static str, peers: &'static [(&'static str, &'static str)]) -> Self {
        Self { name, program: name, peers, over: None, targets: None }
    }

    const fn bus(name: &'static str, peers: &'static [(&'static str, &'static str)]) -> Self {
        Self { targets: BUSES, ..Self::new(name, peers) }
    }

    /// Our program.
    pub fn ours(&self) -> String {
        format!("ours_{}", self.program)
    }

    /// The programs over which ours and the peers' are counted.
    pub fn over(&self) -> [String; 2] {
        let over = self.over.and_then(|name| CASES.iter().find(|case| case.name == name));
        over.map_or_else(
            || [FRAME, FRAME].map(Into::into),
            |case| [case.ours(), case.peers[0].1.into()],
        )
    }

    /// The cases that are measured for a target.
    pub fn of(target: &str) -> impl Iterator<Item = &'static Self> {
        CASES.iter().filter(move |case| case.targets.is_none_or(|those| those.contains(&target)))
    }
}
