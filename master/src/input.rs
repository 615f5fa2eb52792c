//! Everything that can happen to a master, and everything it can do about it.

use std::collections::HashMap;

use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1;
use mesolith_proto::session::v1 as session;
use v1::scheduler::{Call, Event, call};

use crate::operation::{Change, Operation, Ticket};
use crate::state::{Decisions, Maintenance};

/// A scheduler's event stream: the value of its `Mesos-Stream-Id` header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub String);

/// One connection of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// What happened. Closed: adding a case means deciding what every module does with it.
#[derive(Debug)]
pub enum Input {
    /// This master was elected, and has read what the leaders before it left. Always the first input.
    Elected(Registry),
    /// A scheduler subscribes on a new stream.
    Subscribe {
        /// The new stream.
        stream: StreamId,
        /// The call.
        subscribe: Box<call::Subscribe>,
    },
    /// Any other scheduler call; it was validated as far as that needs no state.
    Call {
        /// The framework it names.
        framework: FrameworkId,
        /// The stream it names.
        stream: Option<String>,
        /// The call.
        call: Box<Call>,
        /// W3C trace context of the request.
        trace: HashMap<String, String>,
    },
    /// A scheduler's connection ended.
    StreamClosed {
        /// Its stream.
        stream: StreamId,
    },
    /// An agent sent a message.
    Agent {
        /// Its connection.
        session: SessionId,
        /// IP address it came from.
        peer: String,
        /// The message.
        message: Box<session::from_agent::Message>,
    },
    /// An agent's connection ended.
    SessionClosed {
        /// Its connection.
        session: SessionId,
    },
    /// An operator ends a framework.
    Teardown {
        /// The framework.
        framework: FrameworkId,
    },
    /// An operator decides something.
    Operator(Operation),
    /// The change that was to be stored is, or cannot be for this reason.
    Stored(Result<(), String>),
    /// Time passed.
    Tick,
}

/// What outlives a master.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    /// What operators have decided about agents.
    pub decisions: Decisions,
    /// Machines that are to be out of service.
    pub maintenance: Maintenance,
}

/// What to do about it, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send an event to a scheduler.
    ToFramework {
        /// Its stream.
        stream: StreamId,
        /// The event.
        event: Box<Event>,
    },
    /// End a scheduler's stream after what was sent.
    EndStream {
        /// The stream.
        stream: StreamId,
    },
    /// Send a message to an agent.
    ToAgent {
        /// Its connection.
        session: SessionId,
        /// The message.
        message: Box<session::from_master::Message>,
    },
    /// End an agent's connection after what was sent.
    EndSession {
        /// The connection.
        session: SessionId,
    },
    /// Answer the request that brought the input.
    Answer(Answer),
    /// Keep the request that brought the input: it is answered later.
    Hold(Ticket),
    /// Answer a request that was kept.
    AnswerHeld(Ticket, Answer),
    /// Write a change to the registry, then say so. There is one at a time.
    Store(Change),
}

/// Answer to a scheduler or operator call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200, nothing to say.
    Ok,
    /// 202: it will be done, failures come as events.
    Accepted,
    /// 400 with the reason.
    BadRequest(String),
    /// 403 with the reason.
    Forbidden(String),
    /// 404 with the reason.
    NotFound(String),
    /// 503 with the reason.
    Unavailable(String),
    /// 501: known call, not done by this master.
    NotImplemented,
}
