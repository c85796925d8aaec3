//! What is counted, who waits, and who goes.

use super::*;

const HALF: usize = BUFFERS_BYTES_MAX / 2;

fn share(load: &Arc<Load>) -> Share {
    load.admit().expect("few connections")
}

/// Who waits for room that never comes has failed.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, work)
        .await
        .expect("room in time")
}

#[test]
fn little_is_not_counted_and_all_is_given_back() {
    let load = Arc::default();
    let mut held = share(&load).hold();
    held.set(FREE_BYTES);
    assert_eq!(load.bytes(), 0);
    held.set(FREE_BYTES + 1);
    assert_eq!(load.bytes(), FREE_BYTES + 1);
    held.set(1);
    assert_eq!(load.bytes(), 0);
    held.set(HALF);
    drop(held);
    assert_eq!((load.bytes(), load.connections()), (0, 0));
}

#[test]
fn connections_are_bounded() {
    let load = Arc::default();
    let shares: Vec<Share> = (0..CONNECTIONS_MAX).map(|_| share(&load)).collect();
    assert!(load.admit().is_none());
    assert_eq!((load.connections(), load.refused()), (CONNECTIONS_MAX, 1));
    drop(shares);
    assert!(load.admit().is_some());
}

#[tokio::test]
async fn who_has_held_much_for_long_is_closed_for_another() {
    let load = Arc::default();
    let (old, new) = (share(&load), share(&load));
    let (mut hoard, mut wanted) = (old.hold(), new.hold());
    assert!(hoard.try_set(HALF + 1));
    assert!(!wanted.try_set(HALF), "so young a hoard is left alone");
    assert!(wanted.try_set(FREE_BYTES), "a little is always free");
    let closing = async {
        old.closed().await;
        assert!(
            !new.may_hold(HALF),
            "it is there as long as it is not dropped"
        );
        drop(hoard);
    };
    in_time(async { tokio::join!(wanted.wait_for(HALF), closing) }).await;
    assert_eq!((load.closed(), load.bytes()), (1, HALF));
}

#[test]
fn what_can_not_wait_closes_the_greediest() {
    let load = Arc::default();
    let (greedy, modest) = (share(&load), share(&load));
    let (mut hoard, mut messages) = (greedy.hold(), modest.hold());
    hoard.set(BUFFERS_BYTES_MAX);
    assert!(messages.insist(2 * FREE_BYTES));
    drop(hoard);
    assert_eq!((load.closed(), load.bytes()), (1, 2 * FREE_BYTES));
    assert!(!messages.insist(2 * BUFFERS_BYTES_MAX), "now it is itself");
    assert_eq!(load.closed(), 2);
}

/// A connection whose requests overlap never holds nothing.
#[tokio::test]
async fn who_gives_back_is_no_hoarder() {
    let load = Arc::default();
    let (busy, idle) = (share(&load), share(&load));
    let (mut requests, mut hoard) = (busy.hold(), idle.hold());
    hoard.set(HALF / 2);
    let (less, more) = (HALF / 3, HALF / 3 + HALF / 12);
    requests.set(more);
    let begun = Instant::now();
    while begun.elapsed() < HOARD_TIME_MAX {
        tokio::time::sleep(RENEWAL_TIME).await;
        requests.set(less);
        requests.set(more);
    }
    let mut wanted = share(&load).hold();
    let closing = async {
        idle.closed().await;
        drop(hoard);
    };
    in_time(async { tokio::join!(wanted.wait_for(HALF / 2), closing) }).await;
    assert_eq!(load.closed(), 1);
}

#[test]
fn a_little_may_come_in_when_there_is_no_room() {
    let load = Arc::default();
    let (greedy, modest) = (share(&load), share(&load));
    let (mut hoard, mut came) = (greedy.hold(), modest.hold_incoming());
    hoard.set(BUFFERS_BYTES_MAX);
    assert_eq!(modest.room(100 * FREE_BYTES), FREE_BYTES);
    came.set(FREE_BYTES - 1);
    assert_eq!(modest.room(100 * FREE_BYTES), 1);
    assert_eq!(greedy.room(1), FREE_BYTES, "what it holds is not incoming");
}

/// However long it takes: a disk may be slow.
#[tokio::test]
async fn nobody_is_closed_for_what_the_server_is_at_work_on() {
    let load = Arc::default();
    let (client, hoarder) = (share(&load), share(&load));
    let (mut request, mut hoard) = (client.hold_incoming(), hoarder.hold());
    request.set(HALF);
    request.set_at_work(true);
    hoard.set(HALF / 4);
    tokio::time::sleep(HOARD_TIME_MAX).await;
    assert!(client.may_hold(FREE_BYTES), "a small reply needs no room");
    let mut wanted = share(&load).hold();
    let closing = async {
        hoarder.closed().await;
        drop(hoard);
    };
    in_time(async { tokio::join!(wanted.wait_for(HALF / 4), closing) }).await;
    assert_eq!((load.closed(), load.bytes()), (1, HALF + HALF / 4));
    request.set_at_work(false);
    assert!(!wanted.insist(2 * BUFFERS_BYTES_MAX));
    assert_eq!(load.closed(), 3, "it is hoarded again");
    drop((request, wanted));
    assert_eq!(load.bytes(), 0);
}

/// Each has used up the room with its requests, and can't end before there is more for its answer.
#[tokio::test]
async fn work_that_waits_for_room_is_hoarded() {
    let load = Arc::default();
    let clients = [share(&load), share(&load)];
    let works = clients.iter().map(|client| async move {
        let (mut request, mut answer) = (client.hold_incoming(), client.hold());
        request.set(GREEDY_BYTES_MAX / 2);
        request.set_at_work(true);
        tokio::task::yield_now().await;
        tokio::select! {
            () = client.closed() => false,
            () = answer.wait_for(2 * MODEST_BYTES) => true,
        }
    });
    let works = futures_util::future::join_all(works);
    let answered = in_time(works).await;
    assert_eq!(answered.iter().filter(|answered| **answered).count(), 1);
    assert_eq!((load.closed(), load.bytes()), (1, 0));
}
