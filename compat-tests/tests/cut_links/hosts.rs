//! Three members on three hosts: network namespaces of our own, joined by a bridge in a fourth,
//! from which clients call. What passes between two of them is ours to cut, to lose and to slow.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use quorate_compat_tests::exec::{self, guarded};
use quorate_compat_tests::server::Kind;
use quorate_compat_tests::trouble::Trouble;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

pub const HOSTS: usize = 3;
const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// The hosts and the members on them; both end when it is dropped.
pub struct Hosts {
    /// What the namespaces' names begin with: nobody else's do.
    prefix: String,
    members: Vec<Child>,
    directory: TempDir,
}

impl Hosts {
    /// Makes the hosts and starts a member on each. Trouble is left out where namespaces can't be
    /// made.
    pub fn start() -> Result<Hosts, Trouble> {
        let directory = tempfile::Builder::new().prefix("quorate-hosts-").tempdir();
        let directory = directory.map_err(|error| Trouble::broken("a directory", error))?;
        let program = Kind::Quorate.program()?;
        let mut hosts = Hosts {
            prefix: format!("q{}", std::process::id()),
            members: Vec::new(),
            directory,
        };
        let left_out = |why| Trouble::left_out("network namespaces (root, ip, iptables)", why);
        hosts.lay_out().map_err(left_out)?;
        for host in 0..HOSTS {
            let broken = |error| Trouble::broken("start of a member", error);
            let log = hosts.directory.path().join(format!("{host}.log"));
            let log = File::create(log).map_err(broken)?;
            let mut command = guarded("ip");
            command
                .args(["netns", "exec", &hosts.name(host)])
                .arg(&program)
                .args(hosts.arguments(host))
                .stdin(Stdio::null())
                .stdout(log.try_clone().map_err(broken)?)
                .stderr(log);
            let member = exec::spawn(command).map_err(broken)?;
            hosts.members.push(member);
        }
        Ok(hosts)
    }

    fn name(&self, host: usize) -> String {
        format!("{}m{host}", self.prefix)
    }

    fn hub(&self) -> String {
        format!("{}hub", self.prefix)
    }

    /// A cable from each host to the bridge.
    fn lay_out(&self) -> Result<(), String> {
        let hub = &self.hub();
        ip(&["netns", "add", hub])?;
        for link in [
            "link add br0 type bridge",
            "link set br0 up",
            "link set lo up",
        ] {
            inside(hub, "ip", link)?;
        }
        inside(
            hub,
            "ip",
            &format!("addr add {}/24 dev br0", address(HOSTS)),
        )?;
        for host in 0..HOSTS {
            let name = &self.name(host);
            ip(&["netns", "add", name])?;
            let cable = format!("link add v{host} type veth peer name eth0 netns {name}");
            inside(hub, "ip", &cable)?;
            inside(hub, "ip", &format!("link set v{host} master br0 up"))?;
            let own = format!("addr add {}/24 dev eth0", address(host));
            for link in ["link set lo up", "link set eth0 up", &own] {
                inside(name, "ip", link)?;
            }
            inside(name, "iptables", "-S")?;
        }
        Ok(())
    }

    fn arguments(&self, host: usize) -> Vec<String> {
        let (client, peer) = (endpoint(host), format!("http://{}:2380", address(host)));
        let all = |host| format!("m{host}=http://{}:2380", address(host));
        let data = self.directory.path().join(format!("m{host}"));
        let flags = [
            ("--name", format!("m{host}")),
            ("--data-dir", data.display().to_string()),
            ("--listen-client-urls", client.clone()),
            ("--advertise-client-urls", client),
            ("--listen-peer-urls", peer.clone()),
            ("--initial-advertise-peer-urls", peer),
            (
                "--initial-cluster",
                (0..HOSTS).map(all).collect::<Vec<_>>().join(","),
            ),
        ];
        let flag = |(flag, value): (&str, String)| [flag.to_owned(), value];
        flags.into_iter().flat_map(flag).collect()
    }

    /// Runs `work` on a thread that is in the hub: what it opens speaks with the members.
    pub fn at_the_hub<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.hub())).expect("the hub");
        std::thread::scope(|scope| {
            let entered = scope.spawn(move || {
                use std::os::fd::AsFd;
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), network).expect("entered");
                work()
            });
            entered
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// What comes from `from` does not get to `to`.
    pub fn drop_between(&self, from: usize, to: usize) {
        self.filter(to, &format!("-A INPUT -s {} -j DROP", address(from)));
    }

    /// Of what comes to a host from the others, so many of a hundred packets are lost.
    pub fn lose(&self, host: usize, percent: u32) {
        let lost = format!("-m statistic --mode random --probability 0.0{percent} -j DROP");
        for from in (0..HOSTS).filter(|from| *from != host) {
            self.filter(host, &format!("-A INPUT -s {} {lost}", address(from)));
        }
    }

    /// What a host sends, and what is sent to it, passes at 2 Mbit/s.
    pub fn slow(&self, host: usize) {
        let rate = "root tbf rate 2mbit burst 16kb latency 400ms";
        let cable = format!("qdisc add dev v{host} {rate}");
        let done = inside(&self.hub(), "tc", &cable).and_then(|()| {
            inside(
                &self.name(host),
                "tc",
                &format!("qdisc add dev eth0 {rate}"),
            )
        });
        done.expect("slowed");
    }

    /// Everything passes again.
    pub fn heal(&self) {
        for host in 0..HOSTS {
            self.filter(host, "-F INPUT");
            // There may be none.
            let _ = inside(&self.name(host), "tc", "qdisc del dev eth0 root");
            let _ = inside(&self.hub(), "tc", &format!("qdisc del dev v{host} root"));
        }
    }

    fn filter(&self, host: usize, rule: &str) {
        inside(&self.name(host), "iptables", rule).expect("a rule of iptables");
    }

    /// The last lines of every member's log.
    pub fn logs(&self) -> String {
        let log = |host| {
            let path = self.directory.path().join(format!("{host}.log"));
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(20).collect();
            format!(
                "--- m{host}\n{}\n",
                lines.into_iter().rev().collect::<Vec<_>>().join("\n")
            )
        };
        (0..HOSTS).map(log).collect()
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for member in &mut self.members {
            // It may have ended by itself, which is as good.
            let _ = member.kill();
            let _ = member.wait();
        }
        for name in (0..HOSTS).map(|host| self.name(host)).chain([self.hub()]) {
            let _ = ip(&["netns", "del", &name]);
        }
    }
}

fn address(host: usize) -> String {
    format!("10.98.7.{}", host + 1)
}

/// Where etcd's clients call.
pub fn endpoint(host: usize) -> String {
    format!("http://{}:2379", address(host))
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("ip");
    command.args(arguments);
    exec::run(command, "", COMMAND_LIMIT)?.success().map(|_| ())
}

fn inside(namespace: &str, program: &str, arguments: &str) -> Result<(), String> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]);
    command.args(arguments.split_whitespace());
    exec::run(command, "", COMMAND_LIMIT)?.success().map(|_| ())
}
