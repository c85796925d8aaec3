//! Ranges of keys, and which of them a key lies in: a treap in the order of their starts, each node
//! with the latest end of all below it. Finding the ranges of a key costs about the logarithm of
//! how many there are, for each that is found.
//!
//! ```text
//!            d–k (z)            the key h: a–z ends behind it, d–k holds it, and of what starts
//!           /       \           behind it nothing does; b–c is passed over without a look at
//!      b–c (z)      m–p (p)     what is below, if that ends before h, too
//!      /
//!   a–z (z)
//! ```

use std::cmp::Ordering;

use bytes::Bytes;

use crate::types::KeyRange;

/// Where a range ends: before a key, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Before(Bytes),
    Never,
}

impl End {
    fn of(range: &KeyRange) -> End {
        match range {
            KeyRange::Key(key) => End::Before([key, &b"\0"[..]].concat().into()),
            KeyRange::Span(_, end) => End::Before(end.clone()),
            KeyRange::From(_) => End::Never,
        }
    }

    fn is_behind(&self, key: &[u8]) -> bool {
        match self {
            End::Before(end) => key < &end[..],
            End::Never => true,
        }
    }
}

struct Node<V> {
    start: Bytes,
    id: u64,
    end: End,
    /// The latest end of this node and all below.
    last: End,
    priority: u64,
    value: V,
    left: Link<V>,
    right: Link<V>,
}

type Link<V> = Option<Box<Node<V>>>;

/// A range's place in the order: several may start alike.
type Place<'a> = (&'a [u8], u64);

impl<V> Node<V> {
    fn place(&self) -> Place<'_> {
        (&self.start, self.id)
    }

    /// After a change below.
    fn renew(&mut self) {
        let below = [&self.left, &self.right];
        let below = below.into_iter().flatten().map(|node| &node.last);
        let last = below.fold(&self.end, |last, other| last.max(other));
        self.last = last.clone();
    }
}

/// Values by ranges of keys; each range has an id that no other has.
pub(super) struct Intervals<V> {
    root: Link<V>,
    length: usize,
}

impl<V> Default for Intervals<V> {
    fn default() -> Self {
        Intervals {
            root: None,
            length: 0,
        }
    }
}

impl<V> Intervals<V> {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn insert(&mut self, range: &KeyRange, id: u64, value: V) {
        let end = End::of(range);
        let node = Node {
            start: range.start().clone(),
            id,
            last: end.clone(),
            end,
            priority: scattered(id),
            value,
            left: None,
            right: None,
        };
        insert(&mut self.root, Box::new(node));
        self.length += 1;
    }

    pub(super) fn remove(&mut self, range: &KeyRange, id: u64) -> Option<V> {
        let removed = remove(&mut self.root, (range.start(), id));
        self.length -= usize::from(removed.is_some());
        removed
    }

    /// Those whose range holds the key.
    pub(super) fn holding(&self, key: &[u8], visit: &mut impl FnMut(&V)) {
        holding(&self.root, key, visit);
    }

    pub(super) fn each(&self, visit: &mut impl FnMut(&V)) {
        each(&self.root, visit);
    }
}

/// Ids come in order; as priorities they must not.
fn scattered(id: u64) -> u64 {
    let mut bits = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn insert<V>(link: &mut Link<V>, mut new: Box<Node<V>>) {
    match link {
        Some(node) if node.priority >= new.priority => {
            let side = match new.place() < node.place() {
                true => &mut node.left,
                false => &mut node.right,
            };
            insert(side, new);
            node.renew();
        }
        _ => {
            (new.left, new.right) = split(link.take(), new.place());
            new.renew();
            *link = Some(new);
        }
    }
}

/// What comes before the place, and the rest.
fn split<V>(link: Link<V>, place: Place<'_>) -> (Link<V>, Link<V>) {
    let Some(mut node) = link else {
        return (None, None);
    };
    if node.place() < place {
        let (before, behind) = split(node.right.take(), place);
        node.right = before;
        node.renew();
        (Some(node), behind)
    } else {
        let (before, behind) = split(node.left.take(), place);
        node.left = behind;
        node.renew();
        (before, Some(node))
    }
}

fn remove<V>(link: &mut Link<V>, place: Place<'_>) -> Option<V> {
    let node = link.as_mut()?;
    let removed = match place.cmp(&node.place()) {
        Ordering::Less => remove(&mut node.left, place),
        Ordering::Greater => remove(&mut node.right, place),
        Ordering::Equal => {
            let Node {
                value, left, right, ..
            } = *link.take()?;
            *link = merge(left, right);
            return Some(value);
        }
    };
    node.renew();
    removed
}

/// All of `before` comes before all of `behind`.
fn merge<V>(before: Link<V>, behind: Link<V>) -> Link<V> {
    match (before, behind) {
        (None, only) | (only, None) => only,
        (Some(mut before), Some(mut behind)) => Some(if before.priority >= behind.priority {
            before.right = merge(before.right.take(), Some(behind));
            before.renew();
            before
        } else {
            behind.left = merge(Some(before), behind.left.take());
            behind.renew();
            behind
        }),
    }
}

fn holding<V>(link: &Link<V>, key: &[u8], visit: &mut impl FnMut(&V)) {
    let Some(node) = link.as_ref().filter(|node| node.last.is_behind(key)) else {
        return;
    };
    holding(&node.left, key, visit);
    if &node.start[..] <= key {
        if node.end.is_behind(key) {
            visit(&node.value);
        }
        holding(&node.right, key, visit);
    }
}

fn each<V>(link: &Link<V>, visit: &mut impl FnMut(&V)) {
    if let Some(node) = link {
        each(&node.left, visit);
        visit(&node.value);
        each(&node.right, visit);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn depth<V>(link: &Link<V>) -> usize {
        link.as_ref()
            .map_or(0, |node| 1 + depth(&node.left).max(depth(&node.right)))
    }

    /// Nodes that a search looks at.
    fn looked_at<V>(link: &Link<V>, key: &[u8]) -> usize {
        let Some(node) = link else { return 0 };
        if !node.last.is_behind(key) {
            return 1;
        }
        let left = looked_at(&node.left, key);
        let right = match &node.start[..] <= key {
            true => looked_at(&node.right, key),
            false => 0,
        };
        1 + left + right
    }

    fn key() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(0_u8..4, 0..4).prop_map(Bytes::from)
    }

    fn range() -> impl Strategy<Value = KeyRange> {
        prop_oneof![
            (key(), key()).prop_map(|(start, end)| KeyRange::Span(start, end)),
            key().prop_map(KeyRange::From),
            key().prop_map(KeyRange::Key),
        ]
    }

    proptest! {
        #[test]
        fn finds_what_a_list_finds(
            ranges in proptest::collection::vec(range(), 0..60),
            removed in proptest::collection::vec(any::<bool>(), 60),
            keys in proptest::collection::vec(key(), 20),
        ) {
            let mut tree = Intervals::default();
            for (id, range) in (0..).zip(&ranges) {
                tree.insert(range, id, id);
            }
            let mut kept = Vec::new();
            for ((id, range), removed) in (0_u64..).zip(&ranges).zip(removed) {
                if removed {
                    prop_assert_eq!(tree.remove(range, id), Some(id));
                    prop_assert_eq!(tree.remove(range, id), None);
                } else {
                    kept.push((id, range));
                }
            }
            prop_assert_eq!(tree.len(), kept.len());
            for key in keys {
                let mut found = Vec::new();
                tree.holding(&key, &mut |id| found.push(*id));
                found.sort_unstable();
                let expected = kept.iter().filter(|(_, range)| range.contains(&key));
                prop_assert_eq!(found, expected.map(|(id, _)| *id).collect::<Vec<_>>());
            }
            let mut all = Vec::new();
            tree.each(&mut |id| all.push(*id));
            all.sort_unstable();
            prop_assert_eq!(all, kept.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        }
    }

    #[test]
    fn one_of_many_prefixes_is_found_with_few_looks() {
        let mut tree = Intervals::default();
        let prefix = |number: u64| {
            let start = format!("service/{number:06}/");
            let end = format!("service/{number:06}0");
            KeyRange::Span(start.into(), end.into())
        };
        for number in 0..80_000 {
            tree.insert(&prefix(number), number, number);
        }
        assert!(depth(&tree.root) < 80, "{}", depth(&tree.root));
        for number in [0, 1, 40_000, 79_999] {
            let key = format!("service/{number:06}/a");
            let mut found = Vec::new();
            tree.holding(key.as_bytes(), &mut |number| found.push(*number));
            assert_eq!(found, [number]);
            let looks = looked_at(&tree.root, key.as_bytes());
            assert!(looks < 200, "{looks} looks of 80,000");
        }
    }
}
