//! A custom runtime that runs a program of the function for each event, with the event as its standard input.

mod runtime_api;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use runtime_api::{Failure, Invocation, RuntimeApi};

fn main() -> Result<(), Box<dyn Error>> {
    let api = RuntimeApi::new(env::var("AWS_LAMBDA_RUNTIME_API")?);
    let handler = env::var("_HANDLER")?;
    let program = PathBuf::from(env::var("LAMBDA_TASK_ROOT")?).join(&handler);
    if !program.is_file() {
        let message = format!("the handler is {handler}, and the function has no such file");
        api.fail_to_start(&Failure::new("Runtime.NoSuchHandler", &message))?;
        return Err(message.into());
    }
    loop {
        let invocation = api.next()?;
        match run(&program, &invocation) {
            Ok(output) if output.status.success() => api.respond(&invocation, &output.stdout)?,
            Ok(output) => {
                let message = format!("{handler} ended with {}", output.status);
                api.fail(&invocation, &Failure::new("Handler.Failed", &message))?;
            }
            Err(error) => {
                let message = format!("{handler} can't be run: {error}");
                api.fail(&invocation, &Failure::new("Handler.NotStarted", &message))?;
            }
        }
    }
}

/// Runs the program to its end. What it prints to standard error goes to the log.
fn run(program: &Path, invocation: &Invocation) -> io::Result<Output> {
    let mut child = Command::new(program)
        .env("_X_AMZN_TRACE_ID", &invocation.trace)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdin = child.stdin.take();
    thread::scope(|scope| {
        // In a thread of its own: a program may print before it has read everything.
        scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // A program that ends without having read its event is none that failed.
                let _ = stdin.write_all(&invocation.event);
            }
        });
        child.wait_with_output()
    })
}
