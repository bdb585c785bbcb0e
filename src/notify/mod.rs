//! Messages about runs to chat groups and webhooks.
//!
//! What happens in a run becomes notices (`watch`), a notice becomes text in the language of a channel ([`block`]), and what
//! waits for a channel becomes one message (`outbox`, `message`), a request (`request`) and, by its answer, a verdict
//! ([`verdict`]). All of that is pure. [`notifier`] alone does I/O, on a thread of its own: a channel that fails or stalls never
//! slows or stops a run.

pub mod block;
pub mod channel;
pub mod client;
pub mod fault_text;
pub mod kept;
mod message;
pub mod notice;
pub mod notifier;
mod outbox;
mod post;
mod request;
pub mod test;
pub mod verdict;
mod watch;
