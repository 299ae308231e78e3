//! A bare server's process: what it is told, and what it does around its loop. Whoever includes this starts itself again with
//! `--serve epoll` to be asked what the answers are.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::process;
use std::thread;

use harness::child::{Child, Failure, Said, say};
use harness::serving::{LISTEN, raise_descriptor_limit, wait_for_end_of_input};
use harness::work::{Steadily, Work};
use iolab::listen;
use serde::de::DeserializeOwned;

use crate::calls::{self, Calls};
use crate::script::{Play, Script};

/// What the bare servers of a row are to know.
pub fn script_for(work: &Work) -> io::Result<Option<Script>> {
    match work {
        Work::Steady(steadily) => ask_an_echo(steadily).map(Some),
        _ => Ok(None),
    }
}

fn ask_an_echo(steadily: &Steadily) -> io::Result<Script> {
    let mut echo = Child::this_program(&["--serve", "epoll"])?;
    match echo.hear() {
        Ok(Said::Listening(address)) => Script::by_asking(address, &steadily.question(), steadily.body.unwrap_or(0)),
        Ok(said) => Err(io::Error::other(format!("the echo said {said:?} out of turn"))),
        Err(Failure::Error(error)) => Err(error),
        Err(Failure::Unavailable(why)) => Err(io::Error::other(why)),
    }
}

/// Hears what the benchmark says first. That comes before all else, so that it gets rid of it even with one that cannot serve.
pub fn hear<T: DeserializeOwned>() -> io::Result<T> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// Runs a loop on a thread of its own until standard input ends. Nobody takes leave: with the process, all of its connections end.
pub fn serve(
    script: &Script,
    run: impl FnOnce(&TcpListener, &'static Play, &'static Calls) -> io::Result<Infallible> + Send + 'static,
) -> io::Result<()> {
    raise_descriptor_limit()?;
    let play: &'static Play = Box::leak(Box::new(Play::new(script)));
    let listener = listen(LISTEN, 1)?.remove(0);
    let address = listener.local_addr()?;
    let serve = move || {
        let Err(error) = run(&listener, play, Calls::of_a_thread());
        // If nobody hears it any more, the status says it.
        let _ = say(&Said::Failed(error.to_string()));
        process::exit(1);
    };
    thread::Builder::new().name("bare".into()).spawn(serve)?;
    say(&Said::Listening(address))?;
    wait_for_end_of_input();
    say(&Said::Ended(calls::take()))
}
