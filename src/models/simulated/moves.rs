//! What can happen next, and the story of what did.

use std::fmt;

use crate::connection::End;
use crate::identity::ConnectionId;

/// One thing that happens, and of how many octets.
#[derive(Clone, Copy)]
pub(super) enum Move {
    // Drawn among those that are possible.
    Accept,
    Hear(usize),
    HearFin,
    HangUp,
    Fail,
    Take(usize),
    Lend,
    GiveBack(usize),
    Recall(usize),
    Connect,
    Bear,
    Deliver,
    File,
    End(End),
    BuffersBack,
    DescriptorsBack,
    // What becomes of some of them.
    Refuse,
    Connected(Option<i32>),
    Born(Option<ConnectionId>),
    Delivered(ConnectionId),
    Returned(ConnectionId),
    FileDone(&'static str, Option<i32>),
    // Made when it is their time, by chance, or when the peer or the server wants it.
    BuffersOut,
    DescriptorsOut,
    Time,
    Cut,
    Stop,
    Dial,
    Say(usize),
    Finish,
    Reset,
}

/// To whom it happens.
#[derive(Clone, Copy)]
pub(super) enum Who {
    World,
    Connection(ConnectionId),
    Peer(usize),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::World => f.write_str("all"),
            Who::Connection(id) => write!(f, "{id}"),
            Who::Peer(number) => write!(f, "peer {number}"),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Accept => f.write_str("is accepted"),
            Move::Refuse => f.write_str("is turned away"),
            Move::Hear(count) => write!(f, "hears {count} octets"),
            Move::HearFin => f.write_str("hears FIN"),
            Move::HangUp => f.write_str("hears that its peer has hung up"),
            Move::Fail => f.write_str("finds its connection broken"),
            Move::Take(count) => write!(f, "the kernel takes {count} octets"),
            Move::Lend => f.write_str("lends its output to the kernel"),
            Move::GiveBack(count) => write!(f, "is given it back, {count} octets of it sent"),
            Move::Recall(count) => write!(f, "has it back, as it wished, {count} octets of it sent"),
            Move::Connect | Move::Connected(None) => f.write_str("is connected"),
            Move::Connected(Some(errno)) => write!(f, "is not connected: {}", name(*errno)),
            Move::Bear | Move::Born(None) => f.write_str("is not born: its seed goes back"),
            Move::Born(Some(parent)) => write!(f, "is born of {parent}"),
            Move::Deliver => f.write_str("gets a letter"),
            Move::Delivered(from) => write!(f, "gets a letter from {from}"),
            Move::Returned(from) => write!(f, "is not there: the letter goes back to {from}"),
            Move::File => f.write_str("a file operation is done"),
            Move::FileDone(verb, None) => write!(f, "a file: {verb} is done"),
            Move::FileDone(verb, Some(errno)) => write!(f, "a file: {verb} fails: {}", name(*errno)),
            Move::End(End::Finish) => f.write_str("FIN is sent"),
            Move::End(End::Close) => f.write_str("is closed"),
            Move::End(End::Reset) => f.write_str("is reset"),
            Move::BuffersOut => f.write_str("out of buffers: nothing is heard"),
            Move::BuffersBack => f.write_str("there are buffers again"),
            Move::DescriptorsOut => f.write_str("out of descriptors"),
            Move::DescriptorsBack => f.write_str("there are descriptors again"),
            Move::Time => f.write_str("its deadline comes"),
            Move::Cut => f.write_str("the drain limit comes"),
            Move::Stop => f.write_str("the server begins to stop"),
            Move::Dial => f.write_str("connects"),
            Move::Say(count) => write!(f, "says {count} octets"),
            Move::Finish => f.write_str("finishes"),
            Move::Reset => f.write_str("resets the connection"),
        }
    }
}

/// As the manual pages call it.
fn name(errno: i32) -> &'static str {
    match errno {
        0 => "it could not be read",
        libc::EBADF => "EBADF",
        libc::EBUSY => "EBUSY",
        libc::ECONNREFUSED => "ECONNREFUSED",
        libc::EEXIST => "EEXIST",
        libc::EFBIG => "EFBIG",
        libc::EINVAL => "EINVAL",
        libc::EIO => "EIO",
        libc::EISDIR => "EISDIR",
        libc::EMFILE => "EMFILE",
        libc::ENAMETOOLONG => "ENAMETOOLONG",
        libc::ENOENT => "ENOENT",
        libc::ENOSPC => "ENOSPC",
        libc::ENOTDIR => "ENOTDIR",
        libc::ENOTEMPTY => "ENOTEMPTY",
        libc::ETIMEDOUT => "ETIMEDOUT",
        libc::EXDEV => "EXDEV",
        _ => "another error",
    }
}
