//! Real servers and Quorate as child processes: started on free loopback ports in a directory of
//! their own, probed until ready, killed, paused, resumed and restarted member by member.

mod apart;
mod arguments;
mod cluster;
mod kind;
mod leader;
mod member;
mod ports;
mod probe;

pub use apart::Distance;
pub use cluster::Cluster;
pub use kind::Kind;
pub use member::Member;
pub use ports::Ports;
