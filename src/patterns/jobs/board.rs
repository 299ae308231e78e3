//! The founder: knows every job, gives them to workers, and answers whoever asks.
//!
// ANCHOR: stages
//! | stage \ event   | worker free | no room for it | stepped | done | client cancels | stopping  |
//! |-----------------|-------------|----------------|---------|------|----------------|-----------|
//! | queued          | running     |                |         |      | cancelled      | cancelled |
//! | running         |             | queued         | running | done | cancelled      | goes on   |
//! | done, cancelled |             |                |         |      | stays          |           |
// ANCHOR_END: stages
//!
//! Where a running job is cancelled, its worker is told. Each of these, also the one from running to running, makes the version of
//! the job larger, and is told to those who wait for a version that they have not seen. So is the way back: a job whose worker
//! finds no room in the loop is the first of the queue again. The last one is told to all who wait, for no other will come. One
//! that is done or cancelled is forgotten once there are too many younger ones.
//!
//! **Invariants:** each question has one reply, and whoever has none yet is among the askers of a job, and nowhere else. Nobody asks
//! for more of a job that is done or cancelled.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::Settings;
use super::figures::{Figures, Parked, count};
use super::job::{Asker, Job, Stage};
use super::note::{Ask, JobId, Note, Reason, Reply, View};
use super::preconditions::Preconditions;
use super::text::Text;
use super::work::{Counts, Task};
use crate::context::{Context, Why};
use crate::identity::ConnectionId;
use crate::lifecycle::Lifecycle;
use crate::protocol::{Event, Interest, Protocol};
use crate::time::Time;

/// How long it waits before it tries again what there was no room for: a worker, a letter.
const RETRY: Duration = Duration::from_millis(100);

/// Where everybody asks.
pub struct Board {
    settings: Settings,
    figures: Arc<Figures>,
    jobs: BTreeMap<JobId, Job>,
    /// Those who wait for a worker, the oldest first.
    queue: VecDeque<JobId>,
    at_work: BTreeMap<ConnectionId, JobId>,
    /// Those that are done or cancelled, the oldest first.
    kept: VecDeque<JobId>,
    /// Replies that found no room in the inbox of another loop.
    unsent: Vec<(ConnectionId, Note)>,
    retry: Option<Time>,
    is_stopping: bool,
}

impl Board {
    pub(super) fn new(settings: Settings, figures: Arc<Figures>) -> Board {
        Board {
            settings,
            figures,
            jobs: BTreeMap::new(),
            queue: VecDeque::new(),
            at_work: BTreeMap::new(),
            kept: VecDeque::new(),
            unsent: Vec::new(),
            retry: None,
            is_stopping: false,
        }
    }
}

impl Protocol for Board {
    type Message = Note;

    fn receive(&mut self, _: &[u8], _: &mut Context<'_, Note>) -> usize {
        0
    }

    fn event(&mut self, event: Event<Note>, cx: &mut Context<'_, Note>) {
        match event {
            Event::Message(desk, Note::Asked { ticket, ask }) => self.asked(desk, ticket, ask, cx),
            Event::Message(desk, Note::Enough { job, reason, .. }) => self.enough(desk, job, reason, cx),
            Event::Message(worker, Note::Stepped) => self.stepped(worker, cx),
            Event::Message(worker, Note::Done(counts)) => self.done(worker, counts, cx),
            Event::Returned(worker, Note::Begin(task), _) => self.not_begun(worker, task, cx),
            Event::Returned(desk, note @ Note::Replied { .. }, Why::Full) => {
                self.unsent.push((desk, note));
                self.retry_later(cx);
            }
            Event::Deadline => self.try_again(cx),
            Event::Stopping => self.stop(cx),
            Event::Closed(_) => self.figures.add_dropped(self.at_work.len()),
            _ => {}
        }
    }

    /// Once the server is stopping, nobody is parked here.
    fn interest(&self) -> Option<Interest> {
        let is_over = self.is_stopping && self.at_work.is_empty() && self.unsent.is_empty();
        let interest = Interest { messages: true, deadline: self.retry, ..Interest::default() };
        (!is_over).then_some(interest)
    }
}

// What desks ask.

impl Board {
    fn asked(&mut self, desk: ConnectionId, ticket: u64, ask: Ask, cx: &mut Context<'_, Note>) {
        let reply = match ask {
            Ask::Submit { text, of } => Some(self.submit(text, of, cx)),
            Ask::Look { job, preconditions, may_park } => self.look(desk, ticket, job, preconditions, may_park),
            Ask::Cancel { job, preconditions } => Some(self.cancel(job, &preconditions, cx)),
        };
        if let Some(reply) = reply {
            cx.message(desk, Note::Replied { ticket, reply });
        }
        self.begin_next(cx);
    }

    // ANCHOR: submit
    fn submit(&mut self, text: Text, of: u32, cx: &mut Context<'_, Note>) -> Reply {
        if self.is_stopping {
            self.figures.refuse();
            return Reply::Stopping;
        }
        if self.queue.len() >= self.settings.queue && !self.can_begin() {
            self.figures.refuse();
            return Reply::QueueFull(self.until_one_is_done());
        }
        let id = loop {
            let id = JobId(cx.random());
            if !self.jobs.contains_key(&id) {
                break id;
            }
        };
        count(&self.figures.submitted);
        let job = Job::new(id, text.keep(), of);
        let view = job.view(self.settings.step);
        self.jobs.insert(id, job);
        self.queue.push_back(id);
        Reply::Submitted(view)
    }
    // ANCHOR_END: submit

    // ANCHOR: look
    /// `None` is no reply for now: the asker is parked.
    fn look(
        &mut self,
        desk: ConnectionId,
        ticket: u64,
        id: JobId,
        mut preconditions: Preconditions,
        may_park: bool,
    ) -> Option<Reply> {
        let Some(job) = self.jobs.get_mut(&id) else { return Some(Reply::Unknown) };
        let reply = preconditions.reply(job.view(self.settings.step));
        if reply.can_wait().is_none() || !may_park || self.is_stopping {
            return Some(reply);
        }
        preconditions.settle(job.version);
        job.askers.insert(desk, Asker { ticket, preconditions, _parked: Parked::new(&self.figures) });
        None
    }
    // ANCHOR_END: look

    // ANCHOR: enough
    /// Lets go of one who waits. If it is not there any more, its reply is on its
    /// way.
    fn enough(&mut self, desk: ConnectionId, id: JobId, reason: Reason, cx: &mut Context<'_, Note>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        // `_parked`, which counts it among those who wait, is dropped at the end of
        // this: who sees their number fall has been told of the forgotten before.
        let Some(Asker { ticket, preconditions, _parked }) = job.askers.remove(&desk) else { return };
        if reason != Reason::Limit {
            self.figures.forget();
        }
        if reason != Reason::Gone {
            let reply = preconditions.reply(job.view(self.settings.step));
            cx.message(desk, Note::Replied { ticket, reply });
        }
    }
    // ANCHOR_END: enough

    fn cancel(&mut self, id: JobId, preconditions: &Preconditions, cx: &mut Context<'_, Note>) -> Reply {
        let Some(job) = self.jobs.get_mut(&id) else { return Reply::Unknown };
        match job.stage {
            Stage::Done(_) => return Reply::IsDone(id),
            _ if !preconditions.allow_change(job.version) => {
                return Reply::PreconditionFailed(job.view(self.settings.step));
            }
            Stage::Cancelled => return Reply::Cancelled(job.view(self.settings.step)),
            Stage::Queued(_) => self.queue.retain(|other| *other != id),
            Stage::Running(worker) => {
                // What it may still say is said by nobody from now on.
                self.at_work.remove(&worker);
                cx.message(worker, Note::Cancel);
            }
        }
        count(&self.figures.cancelled);
        match self.finish(id, Stage::Cancelled, cx) {
            Some(view) => Reply::Cancelled(view),
            None => Reply::Unknown,
        }
    }

    /// How long the one that is nearest to its end still works.
    fn until_one_is_done(&self) -> Duration {
        let running = self.at_work.values().filter_map(|id| self.jobs.get(id));
        running.map(|job| job.view(self.settings.step).left).min().unwrap_or_default()
    }
}

// Workers.

impl Board {
    /// Then nobody is in the queue, but for the one that is to begin.
    fn can_begin(&self) -> bool {
        self.at_work.len() < self.settings.workers.max(1) && self.retry.is_none()
    }

    fn begin_next(&mut self, cx: &mut Context<'_, Note>) {
        while self.can_begin()
            && let Some(id) = self.queue.pop_front()
        {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            let Stage::Queued(text) = &mut job.stage else { continue };
            let task = Task { text: mem::take(text), of: job.of, step: self.settings.step };
            let worker = cx.spawn(Note::Begin(task));
            job.stage.enter(Stage::Running(worker));
            self.at_work.insert(worker, id);
            self.changed(id, cx);
        }
    }

    /// There was no room for one more in this loop: it waits again, and is the next.
    fn not_begun(&mut self, worker: ConnectionId, task: Task, cx: &mut Context<'_, Note>) {
        let Some(id) = self.at_work.remove(&worker) else { return };
        if self.is_stopping {
            self.figures.add_dropped(1);
            self.finish(id, Stage::Cancelled, cx);
            return;
        }
        if let Some(job) = self.jobs.get_mut(&id) {
            job.stage.enter(Stage::Queued(task.text));
        }
        self.queue.push_front(id);
        self.changed(id, cx);
        self.retry_later(cx);
    }

    fn stepped(&mut self, worker: ConnectionId, cx: &mut Context<'_, Note>) {
        let Some(&id) = self.at_work.get(&worker) else { return };
        if let Some(job) = self.jobs.get_mut(&id) {
            job.step += 1;
        }
        self.changed(id, cx);
    }

    fn done(&mut self, worker: ConnectionId, counts: Counts, cx: &mut Context<'_, Note>) {
        let Some(id) = self.at_work.remove(&worker) else { return };
        if let Some(job) = self.jobs.get_mut(&id) {
            job.step = job.of;
        }
        count(&self.figures.done);
        self.finish(id, Stage::Done(counts), cx);
        self.begin_next(cx);
    }
}

// Changes, and who hears of them.

impl Board {
    /// The last change of a job. It is kept, and the oldest of its kind forgotten if there are too many.
    fn finish(&mut self, id: JobId, stage: Stage, cx: &mut Context<'_, Note>) -> Option<View> {
        self.jobs.get_mut(&id)?.stage.enter(stage);
        let view = self.changed(id, cx);
        self.kept.push_back(id);
        while self.kept.len() > self.settings.kept
            && let Some(oldest) = self.kept.pop_front()
        {
            self.jobs.remove(&oldest);
        }
        view
    }

    // ANCHOR: changed
    fn changed(&mut self, id: JobId, cx: &mut Context<'_, Note>) -> Option<View> {
        let job = self.jobs.get_mut(&id)?;
        job.version += 1;
        let view = job.view(self.settings.step);
        job.askers.retain(|&desk, asker| {
            let reply = asker.preconditions.reply(view);
            let waits_on = reply.can_wait().is_some();
            if !waits_on {
                cx.message(desk, Note::Replied { ticket: asker.ticket, reply });
            }
            waits_on
        });
        Some(view)
    }
    // ANCHOR_END: changed

    fn retry_later(&mut self, cx: &Context<'_, Note>) {
        self.retry.get_or_insert(cx.now() + RETRY);
    }

    fn try_again(&mut self, cx: &mut Context<'_, Note>) {
        self.retry = None;
        for (desk, note) in mem::take(&mut self.unsent) {
            cx.message(desk, note);
        }
        self.begin_next(cx);
    }

    fn stop(&mut self, cx: &mut Context<'_, Note>) {
        self.is_stopping = true;
        let queued = mem::take(&mut self.queue);
        self.figures.add_dropped(queued.len());
        for id in queued {
            self.finish(id, Stage::Cancelled, cx);
        }
        for job in self.jobs.values_mut() {
            let view = job.view(self.settings.step);
            for (desk, Asker { ticket, preconditions, .. }) in mem::take(&mut job.askers) {
                cx.message(desk, Note::Replied { ticket, reply: preconditions.reply(view) });
            }
        }
    }
}
