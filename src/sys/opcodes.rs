//! What the operations of a ring are called, for a [trace](crate::trace): the kernel's names, in small letters.

use io_uring::opcode::{
    Accept, AsyncCancel, Close, Connect, Fsync, OpenAt2, PollAdd, Read, ReadFixed, Recv, RenameAt, Send, SendMsg, Timeout,
    UnlinkAt, Write,
};

/// The name of an operation, by the code in its submission.
pub(super) fn name(code: u32) -> &'static str {
    NAMES.iter().find(|&&(known, _)| u32::from(known) == code).map_or("operation", |&(_, name)| name)
}

const NAMES: &[(u8, &str)] = &[
    (Accept::CODE, "accept"),
    (AsyncCancel::CODE, "async_cancel"),
    (Close::CODE, "close"),
    (Connect::CODE, "connect"),
    (Fsync::CODE, "fsync"),
    (OpenAt2::CODE, "openat2"),
    (PollAdd::CODE, "poll_add"),
    (Read::CODE, "read"),
    (ReadFixed::CODE, "read_fixed"),
    (Recv::CODE, "recv"),
    (RenameAt::CODE, "renameat"),
    (Send::CODE, "send"),
    (SendMsg::CODE, "sendmsg"),
    (Timeout::CODE, "timeout"),
    (UnlinkAt::CODE, "unlinkat"),
    (Write::CODE, "write"),
];
