//! Running a program with a deadline, or in the background while its output is followed.
//!
//! Nothing here waits without a limit: a program that does not end is killed and its output so far
//! is part of the error. Every child dies with this process (see `guarded`).

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const POLL: Duration = Duration::from_millis(5);

/// What a program that ended by itself left behind.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Standard output if the program succeeded, otherwise everything it said.
    pub fn success(self) -> Result<String, String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        Err(format!("{}\n{}{}", self.status, self.stdout, self.stderr))
    }
}

/// A command for `program` that the kernel kills when this process dies.
pub fn guarded(program: impl AsRef<OsStr>) -> Command {
    if !Path::new("/usr/bin/setpriv").exists() {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts `command` from one thread that lives as long as this process: the kernel's death signal
/// follows the thread that started a child, not the process.
pub fn spawn(command: Command) -> std::io::Result<Child> {
    type Job = (Command, Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                // A caller that went away has no use for the child's handle.
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    });
    let (reply, answer) = mpsc::channel();
    let jobs = spawner
        .lock()
        .expect("no holder of this lock panics")
        .clone();
    jobs.send((command, reply))
        .expect("the spawner thread never ends");
    answer.recv().expect("the spawner answers every job")
}

/// Runs `command` to its end with `input` on its standard input; an error says why there is none.
pub fn run(mut command: Command, input: &str, limit: Duration) -> Result<Finished, String> {
    let shown = format!("{command:?}");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = spawn(command).map_err(|error| format!("{shown}: {error}"))?;
    let stdout = drain(child.stdout.take().expect("stdout was piped"));
    let stderr = drain(child.stderr.take().expect("stderr was piped"));
    let mut stdin = child.stdin.take().expect("stdin was piped");
    // A program that ends without reading its input is judged by its exit code.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let ended = wait(&mut child, limit);
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let text = |reader: JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().expect("a reader does not panic")).into_owned()
    };
    let (stdout, stderr) = (text(stdout), text(stderr));
    match ended {
        Some(status) => Ok(Finished {
            status,
            stdout,
            stderr,
        }),
        None => Err(format!(
            "{shown}: not ended after {limit:?}\n{stdout}{stderr}"
        )),
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A broken pipe ends the output; what came before it counts.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

/// Waits for `child` to end, at most `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
            _ => return None,
        }
    }
}

/// Calls `check` until it gives a value, at most for `limit`; the error is its last one.
pub fn until<T>(
    limit: Duration,
    mut check: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let deadline = Instant::now() + limit;
    loop {
        match check() {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= deadline => {
                return Err(format!("{error} (after {limit:?})"));
            }
            Err(_) => thread::sleep(POLL * 2),
        }
    }
}

/// A program in the background whose output lines are followed; killed when dropped.
pub struct Follow {
    child: Child,
    lines: Receiver<String>,
    seen: Arc<Mutex<String>>,
}

impl Follow {
    /// Starts `command`; standard error is followed together with standard output.
    pub fn start(mut command: Command) -> Result<Self, String> {
        let shown = format!("{command:?}");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn(command).map_err(|error| format!("{shown}: {error}"))?;
        let (sender, lines) = mpsc::channel();
        let seen = Arc::new(Mutex::new(String::new()));
        let out = child.stdout.take().expect("stdout was piped");
        let err = child.stderr.take().expect("stderr was piped");
        follow(out, sender.clone(), Arc::clone(&seen));
        follow(err, sender, Arc::clone(&seen));
        Ok(Self { child, lines, seen })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line, at most `limit` from now.
    pub fn line(&self, limit: Duration) -> Result<String, String> {
        self.lines
            .recv_timeout(limit)
            .map_err(|_| format!("no further line within {limit:?} after:\n{}", self.output()))
    }

    /// The next `count` lines, joined; `limit` holds for each.
    pub fn lines(&self, count: usize, limit: Duration) -> Result<String, String> {
        (0..count)
            .map(|_| self.line(limit).map(|line| line + "\n"))
            .collect()
    }

    /// SIGINT, as a user ends it by Ctrl-C.
    pub fn interrupt(&self) {
        // The handle is unreaped, so the id cannot belong to another process.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
    }

    /// Writes `text` to the program's standard input.
    pub fn say(&mut self, text: &str) -> Result<(), String> {
        let stdin = self.child.stdin.as_mut().expect("stdin was piped");
        stdin
            .write_all(text.as_bytes())
            .and_then(|()| stdin.flush())
            .map_err(|e| e.to_string())
    }

    /// Everything that it has printed so far.
    pub fn output(&self) -> String {
        self.seen
            .lock()
            .expect("no holder of this lock panics")
            .clone()
    }

    /// Waits for its end, at most `limit`.
    pub fn end(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        wait(&mut self.child, limit)
            .ok_or_else(|| format!("not ended after {limit:?}; it said:\n{}", self.output()))
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(pipe: impl Read + Send + 'static, lines: Sender<String>, seen: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut seen = seen.lock().expect("no holder of this lock panics");
            seen.push_str(&line);
            seen.push('\n');
            drop(seen);
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}
