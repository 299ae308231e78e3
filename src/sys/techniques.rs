//! What io_uring learned over the years that a model uses but could do without.
//!
//! Each technique can be denied, and then the model goes the way that kernels from before it leave open: a slower one that leads
//! to the same octets. It is never denied on the quiet. Where a kernel lacks one, the error says which, and how to go without it.

use std::fmt;
use std::str::FromStr;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technique {
    /// One accept brings every newcomer. Without: each has to be asked for.
    MultishotAccept,
    /// One receive brings every arrival. Without: each has to be asked for.
    MultishotRecv,
    /// One poll tells of every event. Without: each has to be asked for.
    MultishotPoll,
    /// The kernel takes a buffer of a group when octets have come. Without: a poll says that they have come, and then they are
    /// received into one of a few blocks, so that a connection that waits still has none.
    ProvidedBuffers,
    /// Completion work is left until the thread waits. Without: it interrupts the thread.
    DeferTaskrun,
    /// The kernel is told that one thread submits. Without: it takes locks.
    SingleIssuer,
    /// A faulty entry stops no other. Without: those behind it are handed over with the next call.
    SubmitAll,
    /// A wait is given its time limit with the call. Without: a timeout is an operation in the ring, one for each wait.
    ExtArg,
    /// The kernel renames and unlinks files. Without: the thread makes these calls itself, and waits in them.
    RenameUnlink,
    /// The blocks that a file is read into around the page cache are pinned once. Without: each read pins its own.
    RegisteredBuffers,
}

/// A name, the kernel's own for it, the first Linux that has it, and what it is of no use without.
type Facts = (&'static str, &'static str, (u32, u32), Option<Technique>);

impl Technique {
    /// All of them.
    pub const ALL: [Technique; 10] = {
        use Technique::*;
        [
            MultishotAccept,
            MultishotRecv,
            MultishotPoll,
            ProvidedBuffers,
            DeferTaskrun,
            SingleIssuer,
            SubmitAll,
            ExtArg,
            RenameUnlink,
            RegisteredBuffers,
        ]
    };

    const fn facts(self) -> Facts {
        match self {
            Technique::MultishotAccept => ("multishot_accept", "IORING_ACCEPT_MULTISHOT", (5, 19), None),
            Technique::MultishotRecv => ("multishot_recv", "IORING_RECV_MULTISHOT", (6, 0), Some(Technique::ProvidedBuffers)),
            Technique::MultishotPoll => ("multishot_poll", "IORING_POLL_ADD_MULTI", (5, 13), None),
            Technique::ProvidedBuffers => ("provided_buffers", "IORING_REGISTER_PBUF_RING", (5, 19), None),
            Technique::DeferTaskrun => ("defer_taskrun", "IORING_SETUP_DEFER_TASKRUN", (6, 1), Some(Technique::SingleIssuer)),
            Technique::SingleIssuer => ("single_issuer", "IORING_SETUP_SINGLE_ISSUER", (6, 0), None),
            Technique::SubmitAll => ("submit_all", "IORING_SETUP_SUBMIT_ALL", (5, 18), None),
            Technique::ExtArg => ("ext_arg", "IORING_ENTER_EXT_ARG", (5, 11), None),
            Technique::RenameUnlink => ("rename_unlink", "IORING_OP_RENAMEAT", (5, 11), None),
            Technique::RegisteredBuffers => ("registered_buffers", "IORING_REGISTER_BUFFERS", (5, 1), None),
        }
    }

    /// What it is called where it is denied.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// What `linux/io_uring.h` calls it.
    pub const fn kernel_name(self) -> &'static str {
        self.facts().1
    }

    /// The first Linux that has it.
    pub const fn since(self) -> (u32, u32) {
        self.facts().2
    }

    /// What it is of no use without: denying that denies this.
    pub const fn builds_on(self) -> Option<Technique> {
        self.facts().3
    }
}

impl fmt::Display for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Technique {
    type Err = UnknownTechnique;

    fn from_str(name: &str) -> Result<Technique, UnknownTechnique> {
        Technique::ALL.into_iter().find(|technique| technique.name() == name).ok_or(UnknownTechnique)
    }
}

/// No technique is called that; it reads as the list of those that are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownTechnique;

impl fmt::Display for UnknownTechnique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [others @ .., last] = Technique::ALL.map(Technique::name);
        write!(f, "the techniques are {} and {last}", others.join(", "))
    }
}

impl std::error::Error for UnknownTechnique {}

/// A set of them. The default is all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Techniques(u16);

impl Techniques {
    /// Each of them.
    pub const ALL: Techniques = Techniques((1 << Technique::ALL.len()) - 1);

    /// What is left to kernels from before all of them.
    pub const NONE: Techniques = Techniques(0);

    /// The same without this one, and so without what builds on it.
    #[must_use]
    pub const fn without(self, technique: Technique) -> Techniques {
        Techniques(self.0 & !(1 << technique as u8))
    }

    /// The same and this one.
    #[must_use]
    pub const fn with(self, technique: Technique) -> Techniques {
        Techniques(self.0 | 1 << technique as u8)
    }

    /// Whether it is among them, and what it builds on is too.
    pub const fn has(self, technique: Technique) -> bool {
        let ground = match technique.builds_on() {
            Some(ground) => self.has(ground),
            None => true,
        };
        ground && self.0 & 1 << technique as u8 != 0
    }
}

impl Default for Techniques {
    fn default() -> Self {
        Techniques::ALL
    }
}

impl fmt::Debug for Techniques {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Technique::ALL.into_iter().filter(|&technique| self.has(technique))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goes_by_its_name_and_an_unknown_name_is_told_the_known() {
        for technique in Technique::ALL {
            assert_eq!(technique.to_string().parse(), Ok(technique));
        }
        let refused = "multishot".parse::<Technique>().unwrap_err().to_string();
        assert!(Technique::ALL.iter().all(|technique| refused.contains(technique.name())), "{refused}");
    }

    #[test]
    fn what_builds_on_a_denied_one_is_denied() {
        let techniques = Techniques::ALL.without(Technique::ProvidedBuffers);
        assert!(!techniques.has(Technique::ProvidedBuffers) && !techniques.has(Technique::MultishotRecv));
        assert!(techniques.has(Technique::MultishotAccept));
        assert_eq!(techniques.with(Technique::ProvidedBuffers), Techniques::ALL);
        assert!(!Technique::ALL.into_iter().any(|technique| Techniques::NONE.has(technique)));
        assert!(Technique::ALL.into_iter().all(|technique| Techniques::ALL.has(technique)));
        for technique in Technique::ALL {
            assert!(technique.builds_on().is_none_or(|ground| ground.since() <= technique.since()));
        }
    }
}
