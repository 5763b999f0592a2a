//! aswritten
pub mod history;
pub mod model;
pub mod oracle;
pub mod sequence;
pub mod spec;
pub mod value;
pub mod wire;
