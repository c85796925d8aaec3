//! Many clients on one key, through every member: what they ask is carried out once, whoever else
//! writes the key, and nobody starves. `QUORATE_TIER=full` prints a table beside redis-server.

mod clients;
mod commands;
mod far;
mod scripts;
mod shares;
