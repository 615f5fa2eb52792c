//! What end-to-end stories and trials have at hand: a world on real parts, and questions about it in a user's words.

pub mod chaos;
pub mod context;
pub mod http;
pub mod machine;
pub mod trace_collector;
