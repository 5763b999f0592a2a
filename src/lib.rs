//! aswritten
pub mod campaign;
pub mod cli;
pub mod endpoint;
pub mod execute;
pub mod generate;
pub mod history;
pub mod mock;
pub mod model;
pub mod oracle;
pub mod report;
pub mod sequence;
pub mod spec;
pub mod value;
pub mod wire;
