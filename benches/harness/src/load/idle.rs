//! Connections that say nothing.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::answer::{Answers, Taken};
use super::connect::Sources;
use super::{Edge, Kind, Pace, Plan, Question, Steady, Terms};

/// After so many connections the server is given the time to accept them, lest the queue before it overflow (4096 at most, and
/// a connection that does not fit waits for a second).
const BATCH: usize = 256;

/// Asks whether those before it have been accepted.
const ONE: Terms = Terms { connections: 1, pipelined: 1, kind: Kind::Light, pace: Pace::Closed };

/// Idle connections.
pub struct Idle {
    streams: Vec<TcpStream>,
}

/// For so long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Idle {
    /// Opens so many, or as many as the server takes: one that turns a connection away says so on it, or closes it.
    pub fn open(to: SocketAddr, connections: usize, question: &Question) -> io::Result<Idle> {
        let mut sources = Sources::default();
        let mut streams = Vec::with_capacity(connections);
        while streams.len() < connections {
            for _ in 0..BATCH.min(connections - streams.len()) {
                let stream = sources.connect(to)?;
                // So that closing leaves nothing behind: ten thousand waiting ends (TIME_WAIT) would burden the next round.
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
                streams.push(stream);
            }
            // Connections are accepted in order, so an answer to a newcomer (even a refusal) shows that these have been.
            let nothing = Plan { warm_up: Duration::ZERO, window: Duration::ZERO };
            let answered = Steady::connect(to, &ONE, question).and_then(|mut one| one.run(nothing, &mut |_: Edge| {}));
            if answered.is_err() {
                break;
            }
        }
        let mut idle = Idle { streams };
        idle.forget_refused()?;
        Ok(idle)
    }

    /// Asks once on each: what a server keeps of a connection that has been used may be more than of a new one.
    pub fn ask_each(&mut self, question: &Question) -> io::Result<()> {
        let mut answers = Answers::new(question.answer.clone());
        let mut buffer = vec![0; 64 << 10];
        for streams in self.streams.chunks_mut(BATCH) {
            for stream in streams.iter_mut() {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.write_all(&question.request)?;
            }
            for stream in streams {
                let mut progress = answers.progress();
                loop {
                    let count = stream.read(&mut buffer)?;
                    if count == 0 {
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up with an answer due"));
                    }
                    if let (_, Taken::Whole { .. }) = answers.take(&mut progress, &buffer[..count])? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many the server holds.
    pub fn held(&self) -> usize {
        self.streams.len()
    }

    fn forget_refused(&mut self) -> io::Result<()> {
        let mut octet = [0];
        for stream in &self.streams {
            stream.set_nonblocking(true)?;
        }
        self.streams
            .retain(|stream| matches!(stream.peek(&mut octet), Err(error) if error.kind() == io::ErrorKind::WouldBlock));
        Ok(())
    }
}
