// Package topics checks topic names and filters by the rules of docs/protocol/topics.md.
package topics

import (
	"strings"
	"unicode/utf8"
)

// Limits of a name or filter.
const (
	MaxBytes      = 1024
	MaxLevels     = 64
	MaxGroupBytes = 64
)

const (
	sharePrefix = "$share/"
	replyPrefix = "$reply/"
)

// Reason says which rule a name or filter breaks; empty: none.
type Reason string

// The reasons, by the names of tests/vectors/topics.json.
const (
	Valid               Reason = ""
	Empty               Reason = "empty"
	TooLong             Reason = "too_long"
	TooManyLevels       Reason = "too_many_levels"
	InvalidUTF8         Reason = "invalid_utf8"
	ContainsNUL         Reason = "contains_nul"
	WildcardInName      Reason = "wildcard_in_name"
	WildcardInsideLevel Reason = "wildcard_inside_level"
	MultiLevelNotLast   Reason = "multi_level_not_last"
	ReservedPrefix      Reason = "reserved_prefix"
	BadGroup            Reason = "bad_group"
)

// Describe says in a sentence what is wrong and what to do.
func (r Reason) Describe() string {
	switch r {
	case Empty:
		return "it is empty; give at least one byte"
	case TooLong:
		return "it is longer than 1024 bytes of UTF-8; shorten it"
	case TooManyLevels:
		return "it has more than 64 levels; use fewer slashes"
	case InvalidUTF8:
		return "it is not valid UTF-8"
	case ContainsNUL:
		return "it contains a NUL byte; leave it out"
	case WildcardInName:
		return "'*', '+' and '#' are for filters; leave them out of topic names"
	case WildcardInsideLevel:
		return "a wildcard must be a whole level, as in 'a/*/b' or 'a/#'"
	case MultiLevelNotLast:
		return "'#' and '**' may only be the last level"
	case ReservedPrefix:
		return "'$share' is for groups: write '$share/<group>/<filter>'"
	case BadGroup:
		return "a group is written '$share/<group>/<filter>' with a name of 1 to 64 bytes without wildcards"
	default:
		return string(r)
	}
}

// CheckName says whether a topic name is valid.
func CheckName(name string) Reason {
	if r := checkText(name); r != Valid {
		return r
	}
	if strings.ContainsAny(name, "*+#") {
		return WildcardInName
	}
	return Valid
}

// IsReserved says whether applications may not publish to the (valid) name: it belongs to the system, and is no
// place for replies.
func IsReserved(name string) bool {
	return name[0] == '$' && !IsReply(name)
}

// IsReply says whether the name is one of those that replies to requests go to.
func IsReply(name string) bool {
	return strings.HasPrefix(name, replyPrefix)
}

// Filter is a valid filter in its canonical spelling.
type Filter struct {
	Canonical string // with '*' and '#', the group's prefix included
	Group     string // empty: no group
	Plain     string // what stands behind the group's prefix, canonical
}

// ParseFilter reads a plain filter or one of a group.
func ParseFilter(text string) (Filter, Reason) {
	if text == "$share" || strings.HasPrefix(text, sharePrefix) {
		return ParseGroup(text)
	}
	return ParsePlain(text)
}

// ParsePlain reads a filter that is not of a group.
func ParsePlain(text string) (Filter, Reason) {
	if r := checkText(text); r != Valid {
		return Filter{}, r
	}
	if text == "$share" || strings.HasPrefix(text, sharePrefix) {
		return Filter{}, ReservedPrefix
	}
	levels := strings.Split(text, "/")
	for i, level := range levels {
		switch level {
		case "*", "+":
			levels[i] = "*"
		case "#", "**":
			if i != len(levels)-1 {
				return Filter{}, MultiLevelNotLast
			}
			levels[i] = "#"
		default:
			if strings.ContainsAny(level, "*+#") {
				return Filter{}, WildcardInsideLevel
			}
		}
	}
	canonical := strings.Join(levels, "/")
	return Filter{Canonical: canonical, Plain: canonical}, Valid
}

// ParseGroup reads '$share/<group>/<filter>'.
func ParseGroup(text string) (Filter, Reason) {
	if r := checkText(text); r != Valid {
		return Filter{}, r
	}
	rest, isGroup := strings.CutPrefix(text, sharePrefix)
	group, filter, hasFilter := strings.Cut(rest, "/")
	if !isGroup || !hasFilter || CheckGroup(group) != Valid {
		return Filter{}, BadGroup
	}
	plain, r := ParsePlain(filter)
	if r != Valid {
		return Filter{}, r
	}
	return Filter{Canonical: sharePrefix + group + "/" + plain.Canonical, Group: group, Plain: plain.Canonical}, Valid
}

// CheckGroup says whether the name of a group is valid.
func CheckGroup(group string) Reason {
	if group == "" || len(group) > MaxGroupBytes || !utf8.ValidString(group) || strings.ContainsAny(group, "/+*#\x00") {
		return BadGroup
	}
	return Valid
}

// InGroup puts the prefix of a group before a filter.
func InGroup(group, filter string) string {
	return sharePrefix + group + "/" + filter
}

// Matches says whether a filter in canonical spelling, without a group's prefix, matches a valid name.
func Matches(canonical, name string) bool {
	if name[0] == '$' && (canonical[0] == '*' || canonical[0] == '#') {
		return false
	}
	filter, names := strings.Split(canonical, "/"), strings.Split(name, "/")
	for i, level := range filter {
		if level == "#" {
			return true
		}
		if i >= len(names) || (level != "*" && level != names[i]) {
			return false
		}
	}
	return len(filter) == len(names)
}

func checkText(text string) Reason {
	switch {
	case text == "":
		return Empty
	case len(text) > MaxBytes:
		return TooLong
	case !utf8.ValidString(text):
		return InvalidUTF8
	case strings.IndexByte(text, 0) >= 0:
		return ContainsNUL
	case strings.Count(text, "/") >= MaxLevels:
		return TooManyLevels
	}
	return Valid
}
