// Package vectors reads tests/vectors of the repository for the tests of this module.
package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Record is one line of a file with frames.
type Record struct {
	ID         string                     `json:"id"`
	Kind       string                     `json:"kind"`
	Hex        Folded                     `json:"hex"`
	Fields     map[string]json.RawMessage `json:"fields"`
	Error      string                     `json:"error"`
	DecodeOnly bool                       `json:"decode_only"`
	Limits     struct {
		MaxFrame   int    `json:"max_frame"`
		MaxPayload uint32 `json:"max_payload"`
	} `json:"limits"`
}

// Folded is hexadecimal text or a list with repeated parts, as bytes.
type Folded []byte

// UnmarshalJSON reads both forms.
func (f *Folded) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		decoded, err := hex.DecodeString(text)
		*f = decoded
		return err
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	for _, part := range parts {
		var one string
		if json.Unmarshal(part, &one) != nil {
			var repeated struct {
				Repeat string
				Times  int
			}
			if err := json.Unmarshal(part, &repeated); err != nil {
				return err
			}
			one = strings.Repeat(repeated.Repeat, repeated.Times)
		}
		decoded, err := hex.DecodeString(one)
		if err != nil {
			return err
		}
		*f = append(*f, decoded...)
	}
	return nil
}

// Text reads a text that may be folded.
func Text(t testing.TB, raw json.RawMessage) string {
	t.Helper()
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var repeated struct {
		Repeat string
		Times  int
	}
	if err := json.Unmarshal(raw, &repeated); err != nil {
		t.Fatalf("%s is no text: %v", raw, err)
	}
	return strings.Repeat(repeated.Repeat, repeated.Times)
}

// Load reads a file of tests/vectors into a value; outside of the repository the test is skipped.
func Load(t testing.TB, name string, into any) {
	t.Helper()
	folder, err := os.Getwd()
	for err == nil {
		data, readError := os.ReadFile(filepath.Join(folder, "tests", "vectors", name))
		if readError == nil {
			decoder := json.NewDecoder(bytes.NewReader(data))
			if err := decoder.Decode(into); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return
		}
		if folder == filepath.Dir(folder) {
			break
		}
		folder = filepath.Dir(folder)
	}
	t.Skipf("tests/vectors/%s is not above this folder", name)
}
