//! The bare pool: one thread decides, the others wait in the calls it gives them.
//!
//! In two forms, and their difference is what a hop between threads costs: receiving and answering as one job, after which the
//! worker reports and gets the next; or each call a job of its own, as the model does it, because only then a protocol can decide
//! between the two.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use crate::calls::{Call, Calls};
use crate::script::{Play, Progress};

/// Room for a body of 64 KiB and its head. The kernel gives memory only to pages that are touched.
const BUFFER: usize = (64 + 4) << 10;

/// What a thread needs: buffers are not on its stack.
const STACK: usize = 64 << 10;

/// What is one job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    RecvAndSend,
    EachCall,
}

/// Goes along with jobs and reports: whoever has it has it alone.
struct Connection {
    stream: TcpStream,
    progress: Progress,
    buffer: Box<[u8]>,
}

struct Job {
    connection: Box<Connection>,
    task: Task,
}

#[derive(Clone, Copy)]
enum Task {
    Recv,
    Send,
    Both,
}

enum Report {
    Newcomer(TcpStream),
    Done(Box<Connection>),
    Closed,
}

pub fn serve(listener: &TcpListener, form: Form, play: &'static Play, calls: &'static Calls) -> io::Result<Infallible> {
    let (jobs, reports) = (Arc::new(Queue::default()), Arc::new(Queue::default()));
    listener.set_nonblocking(false)?;
    let (listener, acceptors) = (listener.try_clone()?, Arc::clone(&reports));
    start(move |calls| accept(&listener, &acceptors, calls), calls)?;
    let (mut heard, mut given) = (VecDeque::new(), VecDeque::new());
    let (mut connections, mut workers) = (0, 0);
    loop {
        reports.take_all(&mut heard, calls);
        for report in heard.drain(..) {
            let connection = match report {
                Report::Done(connection) => connection,
                Report::Closed => {
                    connections -= 1;
                    continue;
                }
                Report::Newcomer(stream) => {
                    connections += 1;
                    // As many as there are connections, because a job takes as long as its peer likes.
                    if connections > workers {
                        let (jobs, reports) = (Arc::clone(&jobs), Arc::clone(&reports));
                        start(move |calls| work(&jobs, &reports, play, calls), calls)?;
                        workers += 1;
                    }
                    Box::new(Connection { stream, progress: Progress::default(), buffer: vec![0; BUFFER].into() })
                }
            };
            let task = match form {
                Form::RecvAndSend => Task::Both,
                Form::EachCall if connection.progress.to_send(play).is_some() => Task::Send,
                Form::EachCall => Task::Recv,
            };
            given.push_back(Job { connection, task });
        }
        jobs.put(&mut given, calls);
    }
}

fn start(what: impl FnOnce(&Calls) + Send + 'static, calls: &Calls) -> io::Result<()> {
    calls.count(Call::Clone3);
    thread::Builder::new().stack_size(STACK).spawn(move || what(Calls::of_a_thread())).map(drop)
}

fn accept(listener: &TcpListener, reports: &Queue<Report>, calls: &Calls) {
    loop {
        calls.count(Call::Accept4);
        // One that has gone before it was accepted is no reason to stop.
        if let Ok((stream, _)) = listener.accept() {
            reports.put(&mut VecDeque::from([Report::Newcomer(stream)]), calls);
        }
    }
}

fn work(jobs: &Queue<Job>, reports: &Queue<Report>, play: &Play, calls: &Calls) {
    let mut report = VecDeque::with_capacity(1);
    loop {
        let Job { mut connection, task } = jobs.take(calls);
        report.push_back(match connection.perform(task, play, calls) {
            Ok(true) => Report::Done(connection),
            Ok(false) | Err(_) => {
                calls.count(Call::Close);
                Report::Closed
            }
        });
        reports.put(&mut report, calls);
    }
}

impl Connection {
    /// Whether it is to go on.
    fn perform(&mut self, task: Task, play: &Play, calls: &Calls) -> io::Result<bool> {
        if let Task::Recv | Task::Both = task {
            calls.count(Call::Recvfrom);
            match self.stream.read(&mut self.buffer)? {
                0 => return Ok(false),
                count => self.progress.hear(count, play),
            }
        }
        if let Task::Send | Task::Both = task {
            while let Some(octets) = self.progress.to_send(play) {
                calls.count(Call::Sendto);
                let count = self.stream.write(octets)?;
                self.progress.sent(count, play);
            }
        }
        Ok(true)
    }
}

/// Hands things from thread to thread. Who finds nothing sleeps at once: to spin on the core that another needs helps nobody.
struct Queue<T> {
    inside: Mutex<Inside<T>>,
    filled: Condvar,
}

struct Inside<T> {
    things: VecDeque<T>,
    sleepers: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { inside: Mutex::new(Inside { things: VecDeque::new(), sleepers: 0 }), filled: Condvar::new() }
    }
}

impl<T> Queue<T> {
    /// Adds things, and wakes as many sleepers.
    fn put(&self, things: &mut VecDeque<T>, calls: &Calls) {
        let count = things.len();
        let mut inside = self.lock();
        inside.things.append(things);
        let sleepers = inside.sleepers;
        drop(inside);
        if sleepers > 0 && count >= sleepers {
            calls.count(Call::Futex);
            self.filled.notify_all();
        } else if sleepers > 0 {
            for _ in 0..count {
                calls.count(Call::Futex);
                self.filled.notify_one();
            }
        }
    }

    fn take(&self, calls: &Calls) -> T {
        let mut inside = self.lock();
        loop {
            match inside.things.pop_front() {
                Some(thing) => return thing,
                None => inside = self.sleep(inside, calls),
            }
        }
    }

    /// Takes all things there are, and sleeps while there is none.
    fn take_all(&self, into: &mut VecDeque<T>, calls: &Calls) {
        let mut inside = self.lock();
        while inside.things.is_empty() {
            inside = self.sleep(inside, calls);
        }
        into.append(&mut inside.things);
    }

    fn sleep<'q>(&'q self, mut inside: MutexGuard<'q, Inside<T>>, calls: &Calls) -> MutexGuard<'q, Inside<T>> {
        inside.sleepers += 1;
        calls.count(Call::Futex);
        let mut inside = self.filled.wait(inside).unwrap_or_else(|poisoned| poisoned.into_inner());
        inside.sleepers -= 1;
        inside
    }

    fn lock(&self) -> MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
