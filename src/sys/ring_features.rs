//! What of io_uring this machine offers, found by trying it and not by comparing versions: distributions take features out and put
//! others in.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use io_uring::{IoUring, Probe, opcode};

use super::block::Block;
use super::buffer_ring::BufferRing;
use super::ledger::Payload;
use super::ring::{Completion, Ring};
use super::ring_setup::{self, RingOptions};
use super::techniques::{Technique, Techniques};

/// One feature, and what came of trying it.
#[derive(Debug)]
pub struct Feature {
    /// Its name, with the kernel's own for it.
    pub name: &'static str,
    /// The first Linux that has it.
    pub since: (u32, u32),
    /// What denies it, if the model uses it but could do without.
    pub technique: Option<Technique>,
    /// Whether it works here; else what the kernel said.
    pub tried: io::Result<()>,
}

/// Tries every feature on rings of its own.
///
/// # Errors
/// If there can be no ring at all: an [`Unavailable`](crate::Unavailable) with the cause.
pub(crate) fn features() -> io::Result<Vec<Feature>> {
    let plain = RingOptions { submissions: 8, completions: 8, techniques: Techniques::NONE };
    drop(Ring::new(&plain)?);
    let mut features = Vec::new();
    for technique in Technique::ALL {
        let name = match technique {
            Technique::MultishotAccept => "multishot accept (ACCEPT_MULTISHOT)",
            Technique::MultishotRecv => "multishot receive (RECV_MULTISHOT)",
            Technique::MultishotPoll => "multishot poll (POLL_ADD_MULTI)",
            Technique::ProvidedBuffers => "provided buffers (REGISTER_PBUF_RING)",
            Technique::DeferTaskrun => "completion work when waiting (SETUP_DEFER_TASKRUN)",
            Technique::SingleIssuer => "one submitting thread (SETUP_SINGLE_ISSUER)",
            Technique::SubmitAll => "a faulty entry stops no other (SETUP_SUBMIT_ALL)",
            Technique::ExtArg => "waiting with a time limit (ENTER_EXT_ARG)",
            Technique::RenameUnlink => "renaming and unlinking (OP_RENAMEAT)",
            Technique::RegisteredBuffers => "registered buffers (REGISTER_BUFFERS)",
        };
        let alone = Techniques::NONE.with(technique).with(technique.builds_on().unwrap_or(technique));
        let tried = patiently(|| try_technique(technique, alone));
        features.push(Feature { name, since: technique.since(), technique: Some(technique), tried });
    }
    let mut tried = |name, since, tried| features.push(Feature { name, since, technique: None, tried });

    type Flag = fn(&mut io_uring::Builder) -> &mut io_uring::Builder;
    let flags: [(&'static str, (u32, u32), Flag); 4] = [
        ("kernel thread submits (SETUP_SQPOLL)", (5, 1), |builder| builder.setup_sqpoll(1)),
        ("completion queue of any size (SETUP_CQSIZE)", (5, 5), |builder| builder.setup_cqsize(64)),
        ("no interrupt per completion (SETUP_COOP_TASKRUN)", (5, 19), |builder| builder.setup_coop_taskrun()),
        ("no index array (SETUP_NO_SQARRAY)", (6, 6), |builder| builder.setup_no_sqarray()),
    ];
    for (name, since, flag) in flags {
        let mut builder = IoUring::builder();
        flag(&mut builder);
        tried(name, since, patiently(|| builder.build(8).map(drop)));
    }

    tried("registered file (REGISTER_FILES)", (5, 1), patiently(|| registered_file(&plain)));
    let direct = patiently(|| IoUring::new(8)?.submitter().register_files_sparse(8));
    tried("direct descriptors (sparse REGISTER_FILES2)", (5, 19), direct);

    let operations: [(&'static str, (u32, u32), u8); 3] = [
        ("message from ring to ring (OP_MSG_RING)", (5, 18), opcode::MsgRingData::CODE),
        ("zero-copy send (OP_SEND_ZC)", (6, 0), opcode::SendZc::CODE),
        ("futex wait (OP_FUTEX_WAIT)", (6, 7), opcode::FutexWait::CODE),
    ];
    for (name, since, code) in operations {
        let unlisted = || io::Error::new(io::ErrorKind::Unsupported, "not among the operations this kernel lists");
        let listed = patiently(|| operation(code));
        tried(name, since, listed.map_err(|error| if is_unknown(&error) { unlisted() } else { error }));
    }
    Ok(features)
}

/// Tries a technique on a ring that may use `techniques`. Where the kernel does not know it, the error is an
/// [`Unavailable`](crate::Unavailable).
pub(crate) fn try_technique(technique: Technique, techniques: Techniques) -> io::Result<()> {
    let options = RingOptions { submissions: 8, completions: 8, techniques };
    let tried = match technique {
        Technique::MultishotAccept => multishot_accept(&options),
        Technique::MultishotRecv => multishot_recv(&options),
        Technique::MultishotPoll => multishot_poll(&options),
        Technique::ProvidedBuffers => buffer_ring(&options),
        Technique::ExtArg => timed_wait(&options),
        Technique::RenameUnlink => [opcode::RenameAt::CODE, opcode::UnlinkAt::CODE].into_iter().try_for_each(operation),
        Technique::RegisteredBuffers => registered_block(&options),
        Technique::DeferTaskrun | Technique::SingleIssuer | Technique::SubmitAll => Ring::new(&options).map(drop),
    };
    tried.map_err(|error| if is_unknown(&error) { ring_setup::missing(technique).into() } else { error })
}

/// What kernels from before a technique answer to it: a flag that must be 0 is not.
pub(crate) fn is_unknown(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINVAL)
}

/// The locked memory of a closed ring is given back some time later. Under a low limit the next ring may fail for that alone, and
/// there is nothing to wait for but time.
fn patiently<T>(mut trial: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..5 {
        if let Ok(done) = trial() {
            return Ok(done);
        }
        thread::sleep(Duration::from_millis(20));
    }
    trial()
}

/// Whether the kernel lists an operation; else the answer is that of a ring which is given it all the same.
fn operation(code: u8) -> io::Result<()> {
    let mut probe = Probe::new();
    IoUring::new(8)?.submitter().register_probe(&mut probe)?;
    if probe.is_supported(code) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EINVAL)) }
}

fn timed_wait(options: &RingOptions) -> io::Result<()> {
    Ring::new(options)?.submit_and_wait(1, Some(Duration::from_millis(1)))
}

fn registered_file(options: &RingOptions) -> io::Result<()> {
    let (a, _b) = UnixStream::pair()?;
    Ring::new(options)?.register_files(&[a.as_fd()])
}

fn registered_block(options: &RingOptions) -> io::Result<()> {
    Ring::new(options)?.register_blocks(&mut [Block::new(4096, 4096)])
}

fn buffer_ring(options: &RingOptions) -> io::Result<()> {
    BufferRing::new(&mut Ring::new(options)?, 0, 1, 64).map(drop)
}

fn multishot_accept(options: &RingOptions) -> io::Result<()> {
    let mut ring = Ring::new(options)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    ring.accept(&listener, true, 0)?;
    let _peer = TcpStream::connect(listener.local_addr()?)?;
    goes_on(&first(&mut ring)?)
}

fn multishot_recv(options: &RingOptions) -> io::Result<()> {
    let mut ring = Ring::new(options)?;
    let buffers = BufferRing::new(&mut ring, 0, 2, 64)?;
    let (mut a, b) = UnixStream::pair()?;
    ring.recv(&b, 0, true, 0)?;
    a.write_all(b"?")?;
    let completion = first(&mut ring)?;
    goes_on(&completion)?;
    match completion.payload {
        Payload::Received(selected) if buffers.octets(&selected) == b"?" => Ok(()),
        _ => Err(io::Error::other("the octets sent did not arrive in a provided buffer")),
    }
}

fn multishot_poll(options: &RingOptions) -> io::Result<()> {
    let mut ring = Ring::new(options)?;
    let (mut a, b) = UnixStream::pair()?;
    ring.poll(&b, libc::POLLIN as u32, true, 0)?;
    a.write_all(b"?")?;
    goes_on(&first(&mut ring)?)
}

fn first(ring: &mut Ring) -> io::Result<Completion> {
    let mut batch = Vec::new();
    for _ in 0..10 {
        ring.submit_and_wait(1, Some(Duration::from_millis(200)))?;
        ring.reap(&mut batch);
        if let Some(completion) = batch.pop() {
            completion.result()?;
            return Ok(completion);
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn goes_on(completion: &Completion) -> io::Result<()> {
    match completion.more {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::Unsupported, "it ended after its first completion")),
    }
}
