//! No script gets beyond its limits, and none leaves a trace for the next.

use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use super::fake::{Fake, eval, roomy};
use crate::redis::program::lua::limits::{
    IN_PLACE_TIME_MAX, KILLABLE_AFTER, STACK_BYTES, WALL_MAX,
};
use crate::redis::program::lua::{Kind, Threads, in_place, kill_scripts};
use crate::redis::reply::Reply;

/// SCRIPT KILL ends every long script of the process: tests that have such run one at a time.
static LONG: Mutex<()> = Mutex::new(());

fn error(body: &'static str) -> String {
    match eval(&mut Fake::default(), body) {
        Reply::Error(fault) => fault.text().into_owned(),
        other => panic!("{body} answered {other:?}"),
    }
}

fn integer(body: &'static str) -> i64 {
    match eval(&mut Fake::default(), body) {
        Reply::Integer(n) => n,
        other => panic!("{body} answered {other:?}"),
    }
}

/// All at once, since each takes the whole wall time.
#[test]
fn endless_scripts_end() {
    let scripts = [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() pcall(f) f() end while true do pcall(f) end",
        "while true do xpcall(function() while true do end end, function(e) return e end) end",
        "local function loop() while true do pcall(function() while true do end end) end end \
         while true do coroutine.resume(coroutine.create(loop)) end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) end",
        "return string.find(('a'):rep(60), ('a*'):rep(30) .. 'b')",
        "while true do pcall(string.find, ('a'):rep(60), ('a*'):rep(30) .. 'b') end",
        "while true do redis.pcall('nosuch') end",
        "while true do pcall(string.rep, 'x', 1e9) end",
        "while true do local t = {} for i = 1, 100 do t[i] = ('x'):rep(1e6) end end",
    ];
    let _alone = LONG.lock().expect("not poisoned");
    let start = Instant::now();
    let threads = scripts.map(|body| {
        let run = move || (body, Instant::now(), error(body));
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(run)
            .expect("a thread")
    });
    for thread in threads {
        let (body, begun, text) = thread.join().expect("no panic");
        let stopped = text.starts_with("ERR Script ran ") || text.contains("not enough memory");
        assert!(stopped, "{body} answered {text}");
        assert!(
            begun.elapsed() < WALL_MAX + Duration::from_secs(10),
            "{body} ran on"
        );
    }
    assert!(start.elapsed() >= WALL_MAX);
}

#[test]
fn memory_is_bounded() {
    roomy(memory_bounds);
}

fn memory_bounds() {
    let _alone = LONG.lock().expect("not poisoned");
    for body in [
        "local s = 'x' while true do s = s .. s end",
        "return string.rep('x', 1e9)",
        "local t = {} while true do t[#t + 1] = {} end",
        "return string.gsub(string.rep('x', 1e6), 'x', string.rep('y', 1000))",
        "local t = {} for i = 1, 1e5 do t[i] = string.rep('x', 1000) end return table.concat(t)",
        "return cjson.encode({string.rep('/', 2e7), string.rep('/', 2e7)})",
    ] {
        let text = error(body);
        assert!(text.contains("not enough memory"), "{body} answered {text}");
    }
    assert_eq!(integer("return 5"), 5);
}

#[test]
fn replies_are_bounded() {
    roomy(reply_bounds);
}

fn reply_bounds() {
    let wide = "local a = {} local b = {} for i = 1, 1000 do b[i] = i end \
                for i = 1, 10000 do a[i] = b end return a";
    assert_eq!(error(wide), "ERR The reply of the script is too large");
    let copies = "local s = string.rep('x', 1e6) local a = {} for i = 1, 1000 do a[i] = s end \
                  return a";
    assert_eq!(error(copies), "ERR The reply of the script is too large");
    let branching = "local a = {} a[1] = a a[2] = a return a";
    assert_eq!(error(branching), "ERR The reply of the script is too large");
    let mut reply = eval(&mut Fake::default(), "local a = {} a[1] = a return a");
    while let Reply::Array(mut items) = reply {
        reply = items.remove(0);
    }
    assert!(matches!(reply, Reply::Error(fault) if fault.text() == "ERR reached lua stack limit"));
}

#[test]
fn nothing_stays_behind() {
    roomy(traces);
}

fn traces() {
    let spoilers = [
        "rawset(_G, 'leak', 1)",
        "string.leak = 1",
        "rawset(string, 'leak', 1)",
        "table.insert(string, 'leak')",
        "getmetatable('').__index = {}",
        "getmetatable(_G).__index = {}",
        "getmetatable(string).leak = 1",
        "setmetatable(_G, {__index = {leak = 1}})",
        "table.insert(getmetatable(''), 'leak')",
        "table.insert(getmetatable(_G), 'leak')",
        "math.randomseed(5)",
        "cjson.encode_max_depth(1)",
        "redis.setresp(3)",
        "collectgarbage('stop')",
        "coroutine.wrap(function() coroutine.yield() end)()",
        "KEYS.leak = 1",
        "error('x')",
        "while true do redis.call('nosuch') end",
        "local s = 'x' while true do s = s .. s end",
    ];
    let probe = "return {rawget(_G, 'leak') == nil, rawget(string, 'leak') == nil, #string, \
                 #getmetatable(''), #getmetatable(_G), math.random() < 1, \
                 cjson.encode({{{}}}), redis.call('get', 'none'), KEYS.leak == nil, \
                 ('x'):upper(), type(string.rep)}";
    let clean = eval(&mut Fake::default(), probe);
    assert!(
        matches!(&clean, Reply::Array(items) if items.len() == 11),
        "{clean:?}"
    );
    for spoiler in spoilers {
        eval(&mut Fake::default(), spoiler);
        assert_eq!(eval(&mut Fake::default(), probe), clean, "after {spoiler}");
    }
}

#[test]
fn native_functions_cannot_be_kept() {
    // A coroutine that outlived its script would hold the host of a run that is over.
    eval(&mut Fake::default(), "keep = redis.call");
    let mut host = Fake::default();
    eval(
        &mut host,
        "redis.call('set', 'a', 1) return redis.lock_token('a')",
    );
    assert_eq!(host.calls, 1);
    assert_eq!(
        integer("redis.call('set', 'a', 1) return redis.lock_token('a')"),
        7
    );
    assert_eq!(
        eval(&mut Fake::default(), "return redis.lock_token('a')"),
        Reply::Null
    );
}

#[test]
fn long_scripts_can_be_killed() {
    let _alone = LONG.lock().expect("not poisoned");
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        // The other end waits for it.
        sender
            .send(error(
                "while true do pcall(function() while true do end end) end",
            ))
            .ok();
    });
    let deadline = Instant::now() + WALL_MAX;
    let text = loop {
        kill_scripts();
        match ended.recv_timeout(KILLABLE_AFTER / 10) {
            Ok(text) => break text,
            Err(_) => assert!(Instant::now() < deadline, "not killed"),
        }
    };
    assert!(
        text.starts_with("ERR Script killed by user with SCRIPT KILL. script: "),
        "{text}"
    );
}

#[tokio::test]
async fn threads_run_scripts() {
    let threads = Threads::start();
    let reply = threads
        .run(Kind::Script(1), || eval(&mut Fake::default(), "return 1"))
        .await;
    assert_eq!(reply, Ok(Reply::Integer(1)));
    let reply = threads
        .run(Kind::Script(1), || eval(&mut Fake::default(), "return 2"))
        .await;
    assert_eq!(reply, Ok(Reply::Integer(2)));
}

#[tokio::test]
async fn a_quick_script_does_not_wait_for_slow_ones() {
    let threads = Threads::start();
    let (known, slow) = (Kind::Script(1), Kind::Script(2));
    assert_eq!(threads.run(known, || 1).await, Ok(1));
    let (release, wait) = mpsc::channel::<()>();
    let wait = std::sync::Arc::new(Mutex::new(wait));
    let job = || {
        let wait = wait.clone();
        // The other end goes away, which ends it.
        threads.run(slow, move || {
            wait.lock().expect("not poisoned").recv().is_ok()
        })
    };
    let mut jobs = [Box::pin(job()), Box::pin(job()), Box::pin(job())];
    for job in &mut jobs {
        assert!(futures_util::poll!(job).is_pending());
    }
    assert_eq!(threads.run(known, || 2).await, Ok(2));
    assert_eq!(threads.run(Kind::Quick, || 3).await, Ok(3));
    drop(release);
    for job in jobs {
        assert_eq!(job.await, Ok(false));
    }
}

#[test]
fn only_short_scripts_run_in_place() {
    let in_place = |host: &mut Fake, body: &'static str| in_place(|| eval(host, body));
    let mut host = Fake::default();
    assert_eq!(in_place(&mut host, "return 1"), Some(Reply::Integer(1)));
    let counting = "local n = 0 for i = 1, 1e6 do n = n + 1 end redis.call('incr', 'n') return n";
    assert_eq!(in_place(&mut host, counting), None);
    let swallowing = "while true do pcall(function() while true do end end) end";
    assert_eq!(in_place(&mut host, swallowing), None);
    assert_eq!(host.calls, 0);
    // Known by now, so that it does not even begin.
    let begun = Instant::now();
    assert!((0..1000).all(|_| in_place(&mut host, counting).is_none()));
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "it begins each time"
    );
    // Elsewhere it runs as ever.
    assert_eq!(eval(&mut host, counting), Reply::Integer(1_000_000));
    assert_eq!(host.calls, 1);
}

#[test]
fn waiting_for_a_processor_makes_no_script_long() {
    let mut host = Fake::default();
    let late = in_place(|| {
        // The thread gets no processor for longer than a script may take.
        std::thread::sleep(IN_PLACE_TIME_MAX * 2);
        eval(&mut host, "redis.call('set', 'a', 1) return 1")
    });
    assert_eq!(late, Some(Reply::Integer(1)));
}
