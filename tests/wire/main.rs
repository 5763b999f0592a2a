//! The wire layer against vendor-computed signatures, recorded SDK traffic, documented refusals and arbitrary bytes.

mod answers;
mod arguments;
mod captures;
mod clients;
mod properties;
mod refusals;
mod support;
mod vectors;
