//! compio, on io_uring: a runtime with a thread for itself.
//!
//! Settings: SINGLE_ISSUER and DEFER_TASKRUN, which compio does not set of itself and which spare it the reschedule interrupts
//! (COOP_TASKRUN did no better). TCP_NODELAY is set, reads have room for 80 KiB, an answer is one write.

use std::io;

use compio::BufResult;
use compio::buf::{IntoInner, IoBuf};
use compio::driver::{DriverType, ProactorBuilder};
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::RuntimeBuilder;

use super::responder::{READ_OCTETS, Responder};
use crate::endpoint::Endpoint;

const ENTRIES: u32 = 4096;

pub fn serve(endpoint: Endpoint) -> io::Result<()> {
    let mut ring = ProactorBuilder::new();
    ring.driver_type(DriverType::IoUring).capacity(ENTRIES).single_issuer(true).defer_taskrun(true);
    let runtime = RuntimeBuilder::new().with_proactor(ring).build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(endpoint.open()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // Whoever resets a connection or talks nonsense is hung up on, which is all there is to do.
            compio::runtime::spawn(async { drop(echo(stream).await) }).detach();
        }
    })
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let (mut input, mut output) = (Vec::with_capacity(READ_OCTETS), Vec::with_capacity(READ_OCTETS));
    let mut responder = Responder::new();
    loop {
        let held = input.len();
        if held == input.capacity() {
            input.reserve(READ_OCTETS);
        }
        let BufResult(count, slice) = stream.read(input.slice(held..)).await;
        input = slice.into_inner();
        if count? == 0 {
            return Ok(());
        }
        let answered = responder.answer(&input, &mut output)?;
        input.drain(..answered);
        if !output.is_empty() {
            let BufResult(written, buffer) = stream.write_all(output).await;
            written?;
            output = buffer;
            output.clear();
        }
    }
}
