//! What people and programs are shown of a run. Reporters listen to events; nothing that they do, or fail to do, reaches
//! back into the run.

pub mod lines;
pub mod text;
