//! Runs, plans and simulations as text: for terminals, for programs, as pages and for Prometheus. Pure: the present time
//! and the size of a terminal are arguments.

pub mod html;
pub mod json;
pub mod prometheus;
pub mod terminal;

#[cfg(test)]
mod tests;
