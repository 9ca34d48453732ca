package topics_test

import (
	"encoding/json"
	"testing"

	"github.com/nexusd/client-go/internal/topics"
	"github.com/nexusd/client-go/internal/vectors"
)

type record struct {
	ID        string           `json:"id"`
	RawText   json.RawMessage  `json:"text"`
	Hex       *vectors.Folded  `json:"hex"`
	Valid     bool             `json:"valid"`
	Reason    topics.Reason    `json:"reason"`
	Canonical *json.RawMessage `json:"canonical"`
	Group     string           `json:"group"`
	Filter    string           `json:"filter"`
	Name      string           `json:"name"`
	Matches   bool             `json:"matches"`
}

type file struct {
	Names, Filters, Groups, Matches []record
}

func (r *record) text(t *testing.T) string {
	if r.Hex != nil {
		return string(*r.Hex)
	}
	return vectors.Text(t, r.RawText)
}

func load(t *testing.T) file {
	var f file
	vectors.Load(t, "topics.json", &f)
	return f
}

func TestNames(t *testing.T) {
	for _, r := range load(t).Names {
		t.Run(r.ID, func(t *testing.T) {
			if got := topics.CheckName(r.text(t)); got != r.Reason || (got == topics.Valid) != r.Valid {
				t.Errorf("got %q, want %q", got, r.Reason)
			}
		})
	}
}

func TestFilters(t *testing.T) {
	for _, r := range load(t).Filters {
		t.Run(r.ID, func(t *testing.T) { checkFilter(t, &r, topics.ParsePlain) })
	}
}

func TestGroups(t *testing.T) {
	for _, r := range load(t).Groups {
		t.Run(r.ID, func(t *testing.T) {
			checkFilter(t, &r, topics.ParseGroup)
			parsed, _ := topics.ParseFilter(r.text(t))
			if r.Valid && (parsed.Group != r.Group || parsed.Plain != r.Filter) {
				t.Errorf("got group %q and filter %q, want %q and %q", parsed.Group, parsed.Plain, r.Group, r.Filter)
			}
		})
	}
}

func checkFilter(t *testing.T, r *record, parse func(string) (topics.Filter, topics.Reason)) {
	parsed, reason := parse(r.text(t))
	if reason != r.Reason {
		t.Fatalf("got %q, want %q", reason, r.Reason)
	}
	if r.Canonical != nil && parsed.Canonical != vectors.Text(t, *r.Canonical) {
		t.Errorf("got %q, want %s", parsed.Canonical, *r.Canonical)
	}
}

func TestMatches(t *testing.T) {
	for _, r := range load(t).Matches {
		t.Run(r.ID, func(t *testing.T) {
			parsed, reason := topics.ParseFilter(r.Filter)
			if reason != topics.Valid {
				t.Fatalf("%s: %s", r.Filter, reason)
			}
			if got := topics.Matches(parsed.Plain, r.Name); got != r.Matches {
				t.Errorf("%s matches %s: got %v", r.Filter, r.Name, got)
			}
		})
	}
}

func TestReservedNames(t *testing.T) {
	for name, reserved := range map[string]bool{
		"a": false, "$nexusd/x": true, "$reply/1/2": false, "$reply": true, "$replyx/1": true, "a/$x": false,
	} {
		if topics.IsReserved(name) != reserved {
			t.Errorf("%s: reserved should be %v", name, reserved)
		}
	}
}
