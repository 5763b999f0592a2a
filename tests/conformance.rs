//! One trial for each requirement of each document: against the embedded mock, or the URL in `ASWRITTEN_ENDPOINT`.

use aswritten::trials::Trials;
use libtest_mimic::Arguments;

fn main() {
    libtest_mimic::run(&Arguments::from_args(), aswritten::trials(Trials::from_env())).exit();
}
