//! A client of Redis's protocol at one member: the crate redis, over one connection. A command that
//! has no answer in time is given up with its connection, and what became of it is unknown.

use std::time::Duration;

use quorate_compat_tests::server::Ports;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, cmd};

use crate::ask::{Answer, Ask, Failure};
use crate::model::{Op, Swapped};

/// Deletes the key if the caller's value is there, as every lock library does it.
const RELEASE: &str = "if redis.call('get',KEYS[1])==ARGV[1] then \
                       return redis.call('del',KEYS[1]) else return 0 end";
/// Writes a new value over the expected one; otherwise says what is there.
const REPLACE: &str = "local held = redis.call('get',KEYS[1]) \
                       if held == ARGV[1] then return redis.call('set',KEYS[1],ARGV[2]) end \
                       return {held}";

#[derive(Clone)]
pub struct Resp {
    client: Client,
    connection: Option<MultiplexedConnection>,
    limit: Duration,
}

impl Resp {
    /// A client of the member at `port`, which need not be there yet.
    pub fn new(port: u16, limit: Duration) -> Self {
        Self {
            client: Client::open(format!("redis://127.0.0.1:{port}")).expect("a valid address"),
            connection: None,
            limit,
        }
    }

    /// A client of each of the members at `ports`.
    pub fn of_each(ports: &[Ports], limit: Duration) -> Vec<Self> {
        let client = |ports: &Ports| Self::new(ports.redis, limit);
        ports.iter().map(client).collect()
    }

    /// The answer to one command.
    pub async fn run<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Failure> {
        let mut connection = self.connect().await?;
        self.answered(command.query_async(&mut connection)).await
    }

    /// Adds one so many times, in commands that are sent together; all answers.
    pub async fn count(&mut self, key: &str, times: usize) -> Result<Vec<u64>, Failure> {
        let mut connection = self.connect().await?;
        let mut pipeline = redis::pipe();
        for _ in 0..times {
            pipeline.cmd("INCR").arg(key);
        }
        self.answered(pipeline.query_async(&mut connection)).await
    }

    async fn answered<T>(
        &mut self,
        answer: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, Failure> {
        let answer = tokio::time::timeout(self.limit, answer).await;
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.connection = None;
        Err(Failure::Unknown(error))
    }

    async fn connect(&mut self) -> Result<MultiplexedConnection, Failure> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        // Its own time limit answers before this one, so that no failure is told twice.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limit))
            .set_response_timeout(Some(2 * self.limit));
        let opened = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        match tokio::time::timeout(self.limit, opened).await {
            Ok(Ok(connection)) => Ok(self.connection.insert(connection).clone()),
            _ => Err(Failure::NotSent),
        }
    }

    pub async fn ask(&mut self, ask: Ask, key: &str) -> Result<Answer, Failure> {
        let op = match ask {
            Ask::Get => Op::Read(self.run(cmd("GET").arg(key)).await?),
            Ask::Put(value) => {
                let () = self.run(cmd("SET").arg(key).arg(value)).await?;
                Op::Write(value)
            }
            Ask::Delete => {
                let deleted: u64 = self.run(cmd("DEL").arg(key)).await?;
                Op::Delete(Some(deleted == 1))
            }
            Ask::Create(value) => {
                let set: Option<String> =
                    self.run(cmd("SET").arg(key).arg(value).arg("NX")).await?;
                let swapped = set.map_or(Swapped::No, |_| Swapped::Yes);
                ask.swap(swapped)
            }
            Ask::Replace(expected, new) => {
                let mut eval = eval(REPLACE, key);
                let said: redis::Value = self.run(eval.arg(expected).arg(new)).await?;
                ask.swap(replaced(&said))
            }
            Ask::Release(value) => {
                let deleted: u64 = self.run(eval(RELEASE, key).arg(value)).await?;
                ask.swap(if deleted == 1 {
                    Swapped::Yes
                } else {
                    Swapped::No
                })
            }
        };
        Ok(Answer { op, revision: None })
    }
}

/// A script on one key.
pub fn eval(script: &str, key: &str) -> Cmd {
    let mut eval = cmd("EVAL");
    eval.arg(script).arg(1).arg(key);
    eval
}

/// `OK`, or a list of what is there: of nothing, or of `false`, if that is nothing.
fn replaced(said: &redis::Value) -> Swapped {
    match said {
        redis::Value::Okay => Swapped::Yes,
        redis::Value::Array(held) => {
            let held = held.first().cloned().unwrap_or(redis::Value::Nil);
            Swapped::Held(redis::from_redis_value(held).expect("only numbers are written"))
        }
        other => unreachable!("the script answered {other:?}"),
    }
}
