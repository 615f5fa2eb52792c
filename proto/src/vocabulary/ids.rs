//! Ids: messages with one field on the wire.

use crate::mesos::v1;
use mesolith_mesos as words;

macro_rules! ids {
    ($($wire:ident <=> $word:ident;)*) => {$(
        impl From<&v1::$wire> for words::$word {
            fn from(wire: &v1::$wire) -> Self {
                Self::from(wire.value.as_str())
            }
        }

        impl From<v1::$wire> for words::$word {
            fn from(wire: v1::$wire) -> Self {
                Self::from(wire.value)
            }
        }

        impl From<&words::$word> for v1::$wire {
            fn from(word: &words::$word) -> Self {
                Self { value: word.to_string(), ..Self::default() }
            }
        }

        impl From<words::$word> for v1::$wire {
            fn from(word: words::$word) -> Self {
                Self { value: word.into_string(), ..Self::default() }
            }
        }
    )*};
}

#[allow(clippy::needless_update, reason = "a container's id also has a parent")]
mod generated {
    use super::{v1, words};
    ids! {
        FrameworkId <=> FrameworkId;
        AgentId <=> AgentId;
        OfferId <=> OfferId;
        TaskId <=> TaskId;
        ExecutorId <=> ExecutorId;
        ContainerId <=> ContainerId;
        OperationId <=> OperationId;
    }
}
