//! Serving by blocking calls: the thread that accepts, and at the end waits for the others.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use super::Blocking;
use super::house::{House, Shared};
use super::peer::{Deadlines, Link};
use crate::connection::Connection;
use crate::context::Letter;
use crate::cost::Cost;
use crate::limits::ACCEPTS_PER_TURN;
use crate::model::{Shard, Shutdown};
use crate::models::accepting::{BACK_OFF, Failure, WHOLE_QUEUE, judge};
use crate::models::turned_away::TurnedAway;
use crate::protocol::Service;
use crate::sys::calls::Meter;
use crate::sys::clock;
use crate::sys::socket::{Mode, Socket, accept, poll_readable};
use crate::time::{Now, Time};

pub(super) fn serve<S: Service>(options: &Blocking, shard: Shard<'_, S>) -> io::Result<Cost> {
    let meter = Meter::start(shard.name("acceptor"));
    let (common, founder) = (shard.common(options.limits), shard.founder());
    let Shard { number, listener, service, shutdown, post, .. } = shard;
    let shared = Shared::new(number.into(), service, common, options.limits, post)?;
    let bell = shared.bell.clone();
    post.open(number.into(), Box::new(move || bell.signal()));
    let mut cost = thread::scope(|scope| {
        let house = House { scope, shared: &shared };
        if let Some(founder) = founder {
            house.bear(founder, clock::now()).map_err(no_founder)?;
        }
        let acceptor =
            Acceptor { house, turned_away: TurnedAway::default(), accept_after: Time::default(), cost: Cost::default() };
        acceptor.run(listener, shutdown)
    })?;
    cost += shared.cost();
    cost.calls += meter.read();
    Ok(cost)
}

fn no_founder<M>(_: Letter<M>) -> io::Error {
    io::Error::other("no thread can be started for the service's founder: raise RLIMIT_NPROC or pids.max")
}

struct Acceptor<'scope, 'env, S: Service> {
    house: House<'scope, 'env, S>,
    turned_away: TurnedAway,
    accept_after: Time,
    cost: Cost,
}

impl<S: Service> Acceptor<'_, '_, S> {
    fn run(mut self, listener: TcpListener, shutdown: &Shutdown) -> io::Result<Cost> {
        let outcome = self.accept_until(&listener, shutdown);
        drop(listener);
        let drained = self.drain();
        outcome.and(drained)?;
        self.cost.refused = self.turned_away.refused();
        Ok(self.cost)
    }

    /// Waits for newcomers, for mail and for the shutdown; the listener itself does not block.
    fn accept_until(&mut self, listener: &TcpListener, shutdown: &Shutdown) -> io::Result<()> {
        let bell = &self.house.shared.bell;
        loop {
            let now = clock::now();
            let wakes = [(self.accept_after > now.at).then_some(self.accept_after), self.turned_away.next_sweep()];
            let timeout = wakes.into_iter().flatten().min().map(|wake| wake.after(now.at));
            let [is_stopping, has_mail] = if self.accept_after > now.at {
                poll_readable([shutdown.as_fd(), bell.as_fd()], timeout)?
            } else {
                let [is_stopping, has_mail, _] = poll_readable([shutdown.as_fd(), bell.as_fd(), listener.as_fd()], timeout)?;
                [is_stopping, has_mail]
            };
            self.cost.wakeups += 1;
            if has_mail {
                self.collect();
            }
            let most = if is_stopping { WHOLE_QUEUE } else { ACCEPTS_PER_TURN };
            self.accept(listener, most, clock::now())?;
            if is_stopping {
                return Ok(());
            }
        }
    }

    /// Delivers what has come from the other loops.
    fn collect(&self) {
        let shared = self.house.shared;
        shared.bell.clear();
        self.house.deliver(shared.post.take(shared.number));
    }

    /// Takes in who is in the queue, at the end everyone: closing it would reset them.
    fn accept(&mut self, listener: &TcpListener, most: usize, now: Now) -> io::Result<()> {
        self.turned_away.sweep(now.at);
        for _ in 0..most {
            if self.accept_after > now.at {
                break;
            }
            match accept(listener, Mode::Blocking) {
                Ok(socket) => self.welcome(socket, now),
                Err(error) => match judge(&error) {
                    Failure::TryNext => {}
                    Failure::Nobody => break,
                    Failure::BackOff => self.accept_after = now.at + BACK_OFF,
                    Failure::Broken => return Err(error),
                },
            }
        }
        Ok(())
    }

    // ANCHOR: welcome
    fn welcome(&mut self, socket: Socket, now: Now) {
        let shared = self.house.shared;
        let protocol = if self.house.has_room() { shared.service.accept(shared.common.told(now)) } else { None };
        // The machine may have no thread left to give: that is this model's limit, wherever it was set.
        let welcome = protocol.and_then(|protocol| Some((protocol, self.house.fresh_thread().ok()?)));
        let Some((protocol, thread)) = welcome else {
            return self.turned_away.refuse(socket, &shared.service.refusal(shared.common.told(now)), now.at);
        };
        let connection = Connection::accepted(protocol, &shared.common, now);
        self.cost.connections += 1;
        self.house.move_in(connection, Link::Accepted(socket), thread);
    }
    // ANCHOR_END: welcome

    /// Tells everyone that the end has come and waits for theirs. Meanwhile this thread watches all deadlines: theirs may be
    /// held in calls that began before.
    fn drain(&mut self) -> io::Result<()> {
        let house = self.house;
        let shared = house.shared;
        let until = clock::now().at + shared.limits.drain;
        for peer in house.begin_stopping() {
            house.tell(&peer, Deadlines::Watched, |connection, now| connection.stopping(now));
        }
        loop {
            let mut next = until;
            if until <= clock::now().at {
                house.begin_cut();
            }
            let everyone = house.everyone();
            if everyone.is_empty() {
                return Ok(());
            }
            for peer in everyone {
                house.tell(&peer, Deadlines::Watched, |connection, now| match until <= now.at {
                    true => connection.drained(now),
                    false => connection.time(now),
                });
                next = next.min(peer.lock().connection.needs().deadline.unwrap_or(until));
            }
            let pause = next.after(clock::now().at).max(Duration::from_millis(1));
            poll_readable([shared.bell.as_fd()], Some(pause))?;
            self.cost.wakeups += 1;
            self.collect();
        }
    }
}

/// However the loop ends, nobody waits for an answer from it.
impl<S: Service> Drop for Acceptor<'_, '_, S> {
    fn drop(&mut self) {
        self.house.shared.post.close(self.house.shared.number);
    }
}
