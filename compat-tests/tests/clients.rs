//! The client matrix as a test: `cargo test -p quorate-compat-tests --test clients [CLIENT …]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("clients: test");
        return ExitCode::SUCCESS;
    }
    let filters: Vec<String> = arguments
        .into_iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    quorate_compat_tests::matrix::run(&filters)
}
