//! Runs lived through: the same each time.
