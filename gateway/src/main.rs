#![allow(dead_code, reason = "nothing serves connections yet")]
mod redis;

fn main() {}
