//! The bare thread per connection: recv, send, recv, send.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::calls::{Call, Calls};
use crate::script::{Play, Progress};

/// Room for a body of 64 KiB and its head. The kernel gives memory only to pages that are touched.
const BUFFER: usize = (64 + 4) << 10;

/// What a thread needs: its buffer is not on its stack.
const STACK: usize = 64 << 10;

pub fn serve(listener: &TcpListener, play: &'static Play, calls: &Calls) -> io::Result<Infallible> {
    listener.set_nonblocking(false)?;
    loop {
        calls.count(Call::Accept4);
        let (stream, _) = listener.accept()?;
        calls.count(Call::Clone3);
        let converse = move || {
            let calls = Calls::of_a_thread();
            // A peer that has gone is the end of a conversation, however it went.
            let _ = converse(stream, play, calls);
            calls.count(Call::Close);
        };
        thread::Builder::new().stack_size(STACK).spawn(converse)?;
    }
}

fn converse(mut stream: TcpStream, play: &Play, calls: &Calls) -> io::Result<()> {
    let mut progress = Progress::default();
    let mut buffer = vec![0; BUFFER];
    loop {
        calls.count(Call::Recvfrom);
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => progress.hear(count, play),
        }
        while let Some(octets) = progress.to_send(play) {
            calls.count(Call::Sendto);
            let count = stream.write(octets)?;
            progress.sent(count, play);
        }
    }
}
