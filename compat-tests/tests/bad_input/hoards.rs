//! Clients that make the server hold much for them: they are bounded all together, and those that
//! go on for long are closed when there is no room for others.

use std::thread::sleep;
use std::time::{Duration, Instant};

use quorate_compat_tests::resp::{Resp, command};

/// How long hoarders go on at least, and until one of them was closed at the most. A hoard may be
/// a second old before it is.
const TIME: Duration = Duration::from_millis(2500);
const LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Huge and negative lengths on many connections at once: nothing is reserved for what is only
/// announced.
pub fn announced(port: u16) {
    let headers: [&[u8]; 3] = [
        b"*1000000000\r\n",
        b"*1000000000\r\n$536870912\r\nx",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1500000\r\nx",
    ];
    let open = |number: usize| {
        let mut client = Resp::connect(port);
        client.send(headers[number % headers.len()]);
        client
    };
    let clients: Vec<Resp> = (0..300).map(open).collect();
    assert_eq!(Resp::connect(port).ask(&[b"PING"]), "+PONG|");
    drop(clients);
}

/// Frames of 1.4 MB of which the end does not come.
pub fn unfinished(port: u16) -> usize {
    let mut bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1500000\r\n".to_vec();
    bytes.resize(1_400_000, b'x');
    let hoards = (0..120).map(|_| Hoard::new(port, &bytes, false)).collect();
    push_all(hoards)
}

/// Pipelines whose replies, of 1.5 MB each, nobody reads.
pub fn unread_replies(port: u16) -> usize {
    let mut client = Resp::connect(port);
    let value = vec![b'x'; 1_500_000];
    assert_eq!(client.ask(&[b"SET", b"large", &value]), "+OK|");
    let get = command(&[b"GET", b"large"]).repeat(1000);
    let mut mget: Vec<&[u8]> = vec![b"MGET"];
    mget.resize(10, b"large");
    let mget = command(&mget);
    let hoard = |number: usize| match number % 2 {
        0 => Hoard::new(port, &get, true),
        _ => Hoard::new(port, &mget, true),
    };
    let closed = push_all((0..24).map(hoard).collect());
    assert_eq!(client.ask(&[b"STRLEN", b"large"]), ":1500000|");
    closed
}

/// One reply larger than any buffer: refused, and the connection goes on.
pub fn reply_too_large(port: u16) {
    let mut client = Resp::connect(port);
    let mut words: Vec<&[u8]> = vec![b"MGET"];
    words.resize(2000, b"large");
    let said = "-ERR reply is too large (at most 16777216 bytes); the command was carried out|";
    assert_eq!(client.ask(&words), said);
    assert_eq!(client.ask(&[b"DEL", b"large"]), ":1|");
}

/// MULTI queues without end: refused at EXEC.
pub fn endless_multi(port: u16) {
    let mut client = Resp::connect(port);
    assert_eq!(client.ask(&[b"MULTI"]), "+OK|");
    let pings = b"PING\r\n".repeat(1000);
    for _ in 0..150 {
        client.send(&pings);
        (0..1000).for_each(|_| assert_eq!(client.answer(), "+QUEUED|"));
    }
    let said = "-EXECABORT Transaction discarded because of previous errors.|";
    assert_eq!(client.ask(&[b"EXEC"]), said);
}

/// Small changes of large values, hundreds in one transaction: each once kept a copy of the whole
/// value, on every member, and again at each restart.
pub fn small_changes(port: u16) {
    const CHANGES: usize = 300;
    let mut client = Resp::connect(port);
    let text = vec![b'x'; 1_400_000];
    assert_eq!(client.ask(&[b"SET", b"text", &text]), "+OK|");
    make_large_hash(&mut client);
    let append: &[&[u8]] = &[b"APPEND", b"text", b"y"];
    let add: &[&[u8]] = &[b"HINCRBY", b"hash", b"field:00000001", b"1"];
    for (change, first) in [(append, text.len() + 1), (add, 2)] {
        assert_eq!(client.ask(&[b"MULTI"]), "+OK|");
        (0..CHANGES).for_each(|_| assert_eq!(client.ask(change), "+QUEUED|"));
        let said = client.ask(&[b"EXEC"]);
        let begins = format!("*{CHANGES}|:{first}|:{}|", first + 1);
        assert!(said.starts_with(&begins), "{said}");
    }
    assert_eq!(client.ask(&[b"DEL", b"text", b"hash"]), ":2|");
}

fn make_large_hash(client: &mut Resp) {
    let fields: Vec<String> = (0..40_000)
        .map(|field| format!("field:{field:08}"))
        .collect();
    for part in fields.chunks(5_000) {
        let mut words: Vec<&[u8]> = vec![b"HSET", b"hash"];
        words.extend(part.iter().flat_map(|field| [field.as_bytes(), b"1"]));
        assert_eq!(client.ask(&words), ":5000|");
    }
}

/// A large value that one transaction reads again and again: the replies took gigabytes, and the
/// thread that served others a minute.
pub fn small_reads(port: u16) {
    const READS: usize = 4_000;
    let mut client = Resp::connect(port);
    make_large_hash(&mut client);
    let too_long = format!(
        "*{READS}|-ERR the transaction takes longer than 5 seconds, nothing of it was executed|"
    );
    let too_large = "-ERR reply is too large".to_owned();
    let searched: &[&[u8]] = &[b"HSCAN", b"hash", b"0", b"MATCH", b"nothing"];
    for (read, answer) in [
        (&[&b"HGETALL"[..], b"hash"][..], too_large),
        (searched, too_long),
    ] {
        assert_eq!(client.ask(&[b"MULTI"]), "+OK|");
        client.send(&command(read).repeat(READS));
        (0..READS).for_each(|_| assert_eq!(client.answer(), "+QUEUED|"));
        let said = client.ask(&[b"EXEC"]);
        assert!(said.starts_with(&answer), "{said}");
    }
    assert_eq!(client.ask(&[b"DEL", b"hash"]), ":1|");
}

/// Names of channels and keys, and of the client itself, up to what may be kept: more is refused
/// and forgotten, what was kept goes on, and with the connections all of it goes.
pub fn kept_names(port: u16) {
    const NAMES_MAX: usize = 400;
    let refused = "-ERR too many subscriptions, watched keys or client names (at most 16777216 \
                   bytes for one client, 67108864 bytes for all)|";
    let name = |number: usize| {
        let mut name = vec![b'x'; 100_000];
        name.extend_from_slice(number.to_string().as_bytes());
        name
    };
    for word in [&b"SUBSCRIBE"[..], b"PSUBSCRIBE", b"WATCH"] {
        let mut client = Resp::connect(port);
        let mut keep = |number: usize| client.ask(&[word, &name(number)]);
        let kept = (0..NAMES_MAX).take_while(|number| keep(*number) != refused);
        let kept = kept.count();
        assert!((100..200).contains(&kept), "{kept} kept of {word:?}");
        assert_ne!(keep(0), refused, "it is kept already");
        assert_ne!(keep(NAMES_MAX), "<closed>");
        if word == b"WATCH" {
            let asked = [
                &[&b"MULTI"[..]][..],
                &[b"SET", b"guarded", b"x"],
                &[b"EXEC"],
            ];
            let answers = asked.map(|command| client.ask(command));
            let why = "EXEC must not pass over a key that could not be watched";
            assert_eq!(answers, ["+OK|", "+QUEUED|", "*-1|"], "{why}");
        }
    }
    let mut client = Resp::connect(port);
    let long = vec![b'x'; 1_500_000];
    for _ in 0..20 {
        assert_eq!(client.ask(&[b"CLIENT", b"SETNAME", &long]), "+OK|");
    }
}

/// Subscribers that never read, each with messages of its own.
pub fn unread_messages(port: u16) -> usize {
    let mut subscribers: Vec<Resp> = (0..10).map(|_| Resp::connect(port)).collect();
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        let channel = format!("news{number}");
        let subscribed = subscriber.ask(&[b"SUBSCRIBE", channel.as_bytes()]);
        assert!(subscribed.starts_with("*3|"), "{subscribed}");
    }
    let mut publisher = Resp::connect(port);
    let message = vec![b'x'; 1_000_000];
    for _ in 0..15 {
        for number in 0..subscribers.len() {
            let channel = format!("news{number}");
            publisher.ask(&[b"PUBLISH", channel.as_bytes(), &message]);
        }
    }
    let is_closed = |subscriber: &mut Resp| subscriber.is_closed();
    subscribers
        .iter_mut()
        .map(is_closed)
        .filter(|closed| *closed)
        .count()
}

struct Hoard {
    client: Resp,
    bytes: Vec<u8>,
    sent: usize,
    repeats: bool,
    is_closed: bool,
}

impl Hoard {
    fn new(port: u16, bytes: &[u8], repeats: bool) -> Hoard {
        let (client, bytes) = (Resp::connect(port), bytes.to_vec());
        Hoard {
            client,
            bytes,
            sent: 0,
            repeats,
            is_closed: false,
        }
    }

    fn push(&mut self) {
        if self.is_closed {
            return;
        }
        match self.client.push(&self.bytes[self.sent..]) {
            Ok(count) => self.sent += count,
            Err(_) => self.is_closed = true,
        }
        if self.sent == self.bytes.len() {
            match self.repeats {
                true => self.sent = 0,
                // There is nothing left to do, and no reply to be left unread.
                false => self.is_closed |= self.client.is_closed(),
            }
        }
    }
}

/// Sends what goes for a while; how many were closed for it.
fn push_all(mut hoards: Vec<Hoard>) -> usize {
    let begun = Instant::now();
    let is_none_closed = |hoards: &[Hoard]| hoards.iter().all(|hoard| !hoard.is_closed);
    while begun.elapsed() < TIME || (begun.elapsed() < LIMIT && is_none_closed(&hoards)) {
        hoards.iter_mut().for_each(Hoard::push);
        sleep(PAUSE);
    }
    hoards
        .iter_mut()
        .filter_map(|hoard| hoard.client.is_closed().then_some(()))
        .count()
}
