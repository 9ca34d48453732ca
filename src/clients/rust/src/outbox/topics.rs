use crate::error::{Error, ErrorCode, ErrorKind};
use crate::topics;
use crate::wire::MAX_ALIASES;
use std::collections::HashMap;

/// A topic that was published to: how it is named to the daemon.
#[derive(Debug)]
pub(super) struct OutTopic {
    pub(super) text: Box<str>,
    /// 0: goes as text in each frame.
    pub(super) alias: u32,
    pub(super) declared: bool,
}

/// Where a topic of an event is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopicRef<'a> {
    Known(usize),
    /// Not in the table, because it is full or the topic is used once: goes as text.
    Text(&'a str),
}

/// The topics of this client and their aliases. Bounded by what the daemon announced.
#[derive(Debug)]
pub(super) struct TopicTable {
    pub(super) list: Vec<OutTopic>,
    by_name: HashMap<Box<str>, usize>,
    last: usize,
    max_aliases: u32,
}

impl TopicTable {
    pub(super) fn new() -> TopicTable {
        TopicTable { list: Vec::new(), by_name: HashMap::new(), last: 0, max_aliases: MAX_ALIASES }
    }

    /// Finds a topic or makes it known.
    #[inline]
    pub(super) fn find<'a>(&mut self, name: &'a str) -> Result<TopicRef<'a>, Error> {
        match self.list.get(self.last) {
            Some(topic) if *topic.text == *name => Ok(TopicRef::Known(self.last)),
            _ => self.look_up(name),
        }
    }

    fn look_up<'a>(&mut self, name: &'a str) -> Result<TopicRef<'a>, Error> {
        if let Some(found) = self.by_name.get(name) {
            self.last = *found;
            return Ok(TopicRef::Known(*found));
        }
        check(name)?;
        if self.list.len() >= self.max_aliases as usize || topics::is_reply(name) {
            return Ok(TopicRef::Text(name));
        }
        self.last = self.list.len();
        self.by_name.insert(name.into(), self.last);
        self.list.push(OutTopic { text: name.into(), alias: self.last as u32 + 1, declared: false });
        Ok(TopicRef::Known(self.last))
    }

    /// Takes what a daemon announced. Topics beyond go as text from now on.
    /// Returns whether there are such topics.
    pub(super) fn limit(&mut self, max_aliases: u32) -> bool {
        self.max_aliases = max_aliases;
        self.list.iter().any(|topic| topic.alias > max_aliases)
    }

    /// Takes the aliases away that the daemon does not take.
    pub(super) fn drop_aliases(&mut self) {
        let most = self.max_aliases;
        self.list.iter_mut().filter(|topic| topic.alias > most).for_each(|topic| topic.alias = 0);
    }
}

pub(super) fn check(name: &str) -> Result<(), Error> {
    let problem = match topics::check_name(name.as_bytes()) {
        Err(error) => error.to_string(),
        Ok(_) if topics::is_reserved(name) => {
            "names that start with '$' belong to the system; choose another name".to_owned()
        }
        Ok(_) => return Ok(()),
    };
    let text = format!("Cannot publish to '{}': {problem}.", topics::shown(name));
    Err(Error::new(ErrorKind::Publish, text).with_code(ErrorCode::BAD_TOPIC))
}
