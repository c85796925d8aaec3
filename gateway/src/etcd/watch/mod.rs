//! The service Watch: many watchers on one stream, each a cursor of the node.

mod fragment;
mod service;
mod stream;
mod waker;
mod watcher;

pub use service::WatchService;
