use super::run::Run;
use crate::wire::encode::{self, ResumeEntry};
use crate::wire::MAX_RESUME_PAIRS;
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// The last number that a subscription had of each publisher and class, to go on there after a reconnect. Bounded: of
/// more pairs than fit the one heard longest ago is left out, and what was stamped before is not asked for again.
#[derive(Debug, Default)]
pub(crate) struct ReceivedNumbers {
    entries: Vec<Slot>,
    at: HashMap<(u64, u8), usize>,
    last: usize,
    clock: u64,
    since: u64,
}

#[derive(Debug)]
struct Slot {
    entry: ResumeEntry,
    heard: u64,
}

impl ReceivedNumbers {
    /// The subscription begins: older events are none of its own.
    pub(crate) fn begin(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        *self = ReceivedNumbers { since: (now as u64) << 16, ..ReceivedNumbers::default() };
    }

    /// Takes note of a run that came.
    pub(crate) fn note(&mut self, run: &Run) {
        if run.is_retained() {
            return;
        }
        self.clock += 1;
        let had = ResumeEntry {
            publisher: run.publisher,
            number: run.last_number(),
            timestamp: run.timestamp,
            priority: run.priority,
        };
        let is_last = self.entries.get(self.last).map_or(false, |slot| is_same_pair(&slot.entry, &had));
        if !is_last {
            self.last = match self.at.get(&(had.publisher, had.priority)) {
                Some(found) => *found,
                None => self.insert(had),
            };
        }
        let slot = &mut self.entries[self.last];
        slot.heard = self.clock;
        // A replayed event may be older than one that was had.
        if had.number >= slot.entry.number {
            slot.entry = had;
        }
    }

    fn insert(&mut self, had: ResumeEntry) -> usize {
        let slot = Slot { entry: had, heard: self.clock };
        let place = if self.entries.len() < MAX_RESUME_PAIRS {
            self.entries.push(slot);
            self.entries.len() - 1
        } else {
            let oldest = (0..self.entries.len()).min_by_key(|at| self.entries[*at].heard).unwrap_or(0);
            let left_out = std::mem::replace(&mut self.entries[oldest], slot).entry;
            self.since = self.since.max(left_out.timestamp);
            self.at.remove(&(left_out.publisher, left_out.priority));
            oldest
        };
        self.at.insert((had.publisher, had.priority), place);
        place
    }

    /// The value of the resume property.
    pub(crate) fn encode(&self) -> Vec<u8> {
        encode::resume(self.since, self.entries.iter().map(|slot| slot.entry))
    }
}

fn is_same_pair(a: &ResumeEntry, b: &ResumeEntry) -> bool {
    a.publisher == b.publisher && a.priority == b.priority
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::decode::Deliver;
    use crate::wire::u64_at;
    use bytes::Bytes;

    fn run(publisher: u64, number: u64, count: u32, timestamp: u64, flags: u8, priority: u8) -> Run {
        let deliver = Deliver {
            flags,
            subscription: 1,
            alias: 1,
            publisher,
            number,
            timestamp,
            body: 40,
            count,
            topic: None,
            priority,
        };
        Run::new(&deliver, "a".into(), Bytes::new())
    }

    #[test]
    fn keeps_the_highest_number_of_each_pair() {
        let mut received = ReceivedNumbers::default();
        received.note(&run(7, 10, 3, 100, 0, 0));
        received.note(&run(7, 5, 1, 90, 0x08, 0));
        received.note(&run(7, 50, 1, 95, 0, 1));
        received.note(&run(8, 99, 1, 96, 0x04, 0));
        let expected = [
            ResumeEntry { publisher: 7, number: 12, timestamp: 100, priority: 0 },
            ResumeEntry { publisher: 7, number: 50, timestamp: 95, priority: 1 },
        ];
        assert_eq!(received.encode(), encode::resume(0, expected.into_iter()));
    }

    #[test]
    fn leaves_out_the_pair_heard_longest_ago_and_raises_since() {
        let mut received = ReceivedNumbers::default();
        received.begin();
        let begun = received.since;
        for publisher in 1..=MAX_RESUME_PAIRS as u64 {
            received.note(&run(publisher, 1, 1, begun + publisher, 0, 0));
        }
        received.note(&run(1, 2, 1, begun + 5000, 0, 0));
        received.note(&run(9999, 1, 1, begun + 5001, 0, 0));
        let bytes = received.encode();
        assert_eq!(bytes.len(), 8 + 25 * MAX_RESUME_PAIRS);
        assert_eq!(u64_at(&bytes, 0), begun + 2);
        assert!(received.at.contains_key(&(1, 0)) && !received.at.contains_key(&(2, 0)));
    }
}
