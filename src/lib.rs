//! aswritten
pub mod spec;
pub mod value;
