//! Names and filters as `docs/protocol/topics.md` has them.

use std::fmt;

pub(crate) const MAX_BYTES: usize = 1024;
pub(crate) const MAX_LEVELS: usize = 64;
const MAX_GROUP_BYTES: usize = 64;
const SHARE: &str = "$share";

/// Why a name or filter is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicError {
    Empty,
    TooLong,
    TooManyLevels,
    InvalidUtf8,
    ContainsNul,
    WildcardInName,
    WildcardInsideLevel,
    MultiLevelNotLast,
    ReservedPrefix,
    BadGroup,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TopicError::Empty => "it is empty; write at least one level, such as 'orders'",
            TopicError::TooLong => "it is longer than 1024 bytes; shorten it",
            TopicError::TooManyLevels => "it has more than 64 levels; use fewer '/'",
            TopicError::InvalidUtf8 => "it is not UTF-8",
            TopicError::ContainsNul => "it holds a NUL; leave it out",
            TopicError::WildcardInName => "wildcards (*, +, #) are for filters; publish to one exact name",
            TopicError::WildcardInsideLevel => "a wildcard must be a whole level; write 'a/*' instead of 'a*'",
            TopicError::MultiLevelNotLast => "'#' (or '**') may only be the last level; use '*' for one level",
            TopicError::ReservedPrefix => {
                "'$share' needs a group and a filter, and all filters of a subscription have one or none has"
            }
            TopicError::BadGroup => {
                "write '$share/<group>/<filter>' with a group of 1 to 64 bytes without '/', '+', '*', '#' and NUL"
            }
        })
    }
}

fn check_text(text: &[u8]) -> Result<&str, TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(TopicError::TooLong);
    }
    let text = std::str::from_utf8(text).map_err(|_| TopicError::InvalidUtf8)?;
    if text.bytes().any(|b| b == 0) {
        return Err(TopicError::ContainsNul);
    }
    if text.bytes().filter(|b| *b == b'/').count() >= MAX_LEVELS {
        return Err(TopicError::TooManyLevels);
    }
    Ok(text)
}

fn is_wildcard(b: u8) -> bool {
    matches!(b, b'*' | b'+' | b'#')
}

/// Whether events may have this topic. The name of a system topic is a name, too: see [`is_reserved`].
pub(crate) fn check_name(name: &[u8]) -> Result<&str, TopicError> {
    let name = check_text(name)?;
    if name.bytes().any(is_wildcard) {
        return Err(TopicError::WildcardInName);
    }
    Ok(name)
}

/// Whether applications may not publish to this name.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with('$') && !is_reply(name)
}

/// Whether replies are awaited there: a topic for one use.
pub(crate) fn is_reply(name: &str) -> bool {
    name.starts_with("$reply/")
}

pub(crate) fn is_group(filter: &str) -> bool {
    filter.split('/').next() == Some(SHARE)
}

/// Whether a subscription may have this filter, a group's or a plain one.
pub(crate) fn check_filter(filter: &[u8]) -> Result<(), TopicError> {
    let text = check_text(filter)?;
    if !is_group(text) {
        return check_levels(text);
    }
    let rest = text.get(SHARE.len() + 1..).ok_or(TopicError::BadGroup)?;
    let (group, filter) = rest.split_once('/').ok_or(TopicError::BadGroup)?;
    if group.is_empty() || group.len() > MAX_GROUP_BYTES || group.bytes().any(is_wildcard) {
        return Err(TopicError::BadGroup);
    }
    if filter.is_empty() {
        return Err(TopicError::Empty);
    }
    check_levels(filter)
}

/// A plain filter whose length was checked.
fn check_levels(filter: &str) -> Result<(), TopicError> {
    if is_group(filter) {
        return Err(TopicError::ReservedPrefix);
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        match level {
            "*" | "+" => {}
            "#" | "**" if levels.peek().is_none() => {}
            "#" | "**" => return Err(TopicError::MultiLevelNotLast),
            _ if level.bytes().any(is_wildcard) => return Err(TopicError::WildcardInsideLevel),
            _ => {}
        }
    }
    Ok(())
}

/// Shortens what a user wrote for a message to people.
pub(crate) fn shown(text: &str) -> String {
    if text.chars().count() <= 100 {
        text.to_owned()
    } else {
        text.chars().take(100).chain("...".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::vectors::{bytes, load, text};
    use serde_json::Value;

    fn reason(error: TopicError) -> &'static str {
        match error {
            TopicError::Empty => "empty",
            TopicError::TooLong => "too_long",
            TopicError::TooManyLevels => "too_many_levels",
            TopicError::InvalidUtf8 => "invalid_utf8",
            TopicError::ContainsNul => "contains_nul",
            TopicError::WildcardInName => "wildcard_in_name",
            TopicError::WildcardInsideLevel => "wildcard_inside_level",
            TopicError::MultiLevelNotLast => "multi_level_not_last",
            TopicError::ReservedPrefix => "reserved_prefix",
            TopicError::BadGroup => "bad_group",
        }
    }

    fn run(list: &str, check: impl Fn(&[u8]) -> Result<(), TopicError>) {
        let all = load("topics.json");
        for record in all[list].as_array().expect("A list.") {
            let input = match &record["hex"] {
                Value::Null => text(&record["text"]).into_bytes(),
                hex => bytes(hex),
            };
            let expected = record["reason"].as_str();
            assert_eq!(check(&input).err().map(reason), expected, "{}", record["id"]);
        }
    }

    #[test]
    fn names_are_as_the_vectors_say() {
        run("names", |name| check_name(name).map(drop));
    }

    #[test]
    fn filters_are_as_the_vectors_say() {
        run("filters", |filter| check_text(filter).and_then(check_levels));
    }

    #[test]
    fn groups_are_as_the_vectors_say() {
        run("groups", check_filter);
    }

    #[test]
    fn only_reply_topics_of_the_system_are_open() {
        assert!(
            is_reserved("$nexusd/x") && is_reserved("$reply") && !is_reserved("$reply/a/1") && !is_reserved("a/$b")
        );
    }
}
