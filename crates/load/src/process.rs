//! Programs that are measured: started, asked for their memory and time, ended.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// A program must be ready, and after SIGTERM gone, within this time where nothing runs on it.
const SOON: Duration = Duration::from_secs(10);

/// A running program. Dropped, it is ended.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    /// Where it listens, with a slash at its end.
    pub url: String,
    /// Where its metrics are, if it said so.
    pub metrics: Option<String>,
    /// Whoever writes to a pipe that is closed ends.
    output: Option<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a program that prints a line which ends with its URL, and, if `metrics`, one with that of its metrics; what
    /// it logs goes to `NAME.log` in `folder`, its working folder.
    ///
    /// # Errors
    /// If it does not start or prints something else.
    pub fn start(name: &str, command: &mut Command, folder: &Path, metrics: bool) -> Result<Self> {
        let mut process = Self::spawn(name, command.stdout(Stdio::piped()), folder)?;
        process.output = process.child.stdout.take().map(BufReader::new);
        process.url = process.printed_url(folder)?;
        if metrics {
            process.metrics = Some(process.printed_url(folder)?);
        }
        Ok(process)
    }

    fn printed_url(&mut self, folder: &Path) -> Result<String> {
        let mut line = String::new();
        if let Some(output) = &mut self.output {
            output.read_line(&mut line)?;
        }
        let url = line.split_whitespace().last();
        let url = url.filter(|word| word.starts_with("http://"));
        url.map(str::to_owned).with_context(|| {
            let log = fs::read_to_string(log(folder, &self.name)).unwrap_or_default();
            format!(
                "{} printed {line:?} and not its URL; it logged:\n{log}",
                self.name
            )
        })
    }

    /// Starts a program that listens at `address` and prints nothing.
    ///
    /// # Errors
    /// If it does not start, or nobody listens there soon.
    pub fn start_at(
        name: &str,
        command: &mut Command,
        folder: &Path,
        address: SocketAddr,
    ) -> Result<Self> {
        let mut process = Self::spawn(name, command.stdout(Stdio::null()), folder)?;
        process.url = format!("http://{address}/");
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if started.elapsed() > SOON || process.child.try_wait()?.is_some() {
                let log = fs::read_to_string(log(folder, name)).unwrap_or_default();
                bail!("{name} does not listen at {address}; it logged:\n{log}");
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(process)
    }

    fn spawn(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(log(folder, name))?;
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {name} ({:?})", command.get_program()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            url: String::new(),
            metrics: None,
            output: None,
        })
    }

    /// Its memory that no file holds, kB: heap, stacks and buffers, not the program's code.
    ///
    /// # Errors
    /// If it has ended.
    pub fn memory_kb(&self) -> Result<u64> {
        let status = self.read("status")?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kb = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        kb.with_context(|| format!("{}: no RssAnon in its status", self.name))
    }

    /// Processor time that it has used.
    ///
    /// # Errors
    /// If it has ended.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = self.read("stat")?;
        // After the name, which is in parentheses: state, …, utime and stime (14th and 15th of all), in hundredths.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        let ticks = ticks().zip(ticks()).map(|(user, system)| user + system);
        let ticks = ticks.with_context(|| format!("{}: no times in its stat", self.name))?;
        Ok(Duration::from_millis(10 * ticks))
    }

    /// A file of the system's about it.
    ///
    /// # Errors
    /// If it has ended.
    pub fn read(&self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path).with_context(|| format!("{}: {path}", self.name))
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end (SIGTERM), and waits until it has; whether it ended by itself within `limit`.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn terminate(mut self, limit: Duration) -> Result<bool> {
        self.ask_to_end()?;
        Ok(self.has_ended_within(limit))
    }

    fn ask_to_end(&self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a process without a number")?, Signal::TERM)?;
        Ok(())
    }

    fn has_ended_within(&mut self, limit: Duration) -> bool {
        let asked = Instant::now();
        while asked.elapsed() < limit {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // nginx ends its workers only if it is asked.
        if !matches!(self.child.try_wait(), Ok(Some(_))) && self.ask_to_end().is_ok() {
            self.has_ended_within(SOON / 5);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

/// An address of loopback that nobody listens on.
///
/// # Errors
/// If there is none.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Lets this process, and those that it starts, open so many files and connections.
///
/// # Errors
/// If the system allows fewer.
pub fn allow_files(wanted: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let maximum = limit.maximum.map_or(wanted, |maximum| maximum.max(wanted));
    let raised = Rlimit {
        current: Some(wanted),
        maximum: Some(maximum),
    };
    setrlimit(Resource::Nofile, raised).with_context(|| {
        format!(
            "{wanted} open files are needed and the system allows {:?}; run `ulimit -n {wanted}` as root, or take fewer --streams",
            limit.maximum
        )
    })
}
