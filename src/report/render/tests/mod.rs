//! What people and programs read of plans and simulations.

mod plan;
mod simulation;
