//! Tests of reading campaign files.
