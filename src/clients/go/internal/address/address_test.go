package address_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nexusd/client-go/internal/address"
)

func TestForms(t *testing.T) {
	for text, want := range map[string]string{
		"host:1234": "host:1234", "host": "host:5672", "[::1]:80": "[::1]:80", "::1": "[::1]:5672", "[::1]": "[::1]:5672",
		"unix:/a/b": "unix:/a/b", "/a/b": "unix:/a/b", "unix:///a": "unix:/a", " a:1 , /b ": "a:1,unix:/b",
	} {
		if a, err := address.Parse(text); err != nil || a.String() != want {
			t.Errorf("%q: got %v, %v", text, a, err)
		}
	}
	for _, text := range []string{
		" ", "http://a", "a:0", "a:65536", "a:x", "a:", ":1", "unix:", "[::1", "[::1]x", "a b", "a,,b", "a?",
		"/" + strings.Repeat("x", 110), "/a\x00b",
	} {
		if a, err := address.Parse(text); err == nil {
			t.Errorf("%q: got %v", text, a)
		}
	}
}

func TestResolving(t *testing.T) {
	for text, want := range map[string][]string{
		"localhost:1":       {"[::1]:1", "127.0.0.1:1"},
		"127.0.0.2,/a":      {"127.0.0.2:5672", "/a"},
		"/a,LocalHost:2,/b": {"/a", "[::1]:2", "127.0.0.1:2", "/b"},
	} {
		a, err := address.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		endpoints, err := a.Resolve(context.Background())
		if err != nil || len(endpoints) != len(want) {
			t.Fatalf("%s: got %v, %v", text, endpoints, err)
		}
		for i, endpoint := range endpoints {
			if endpoint.Address != want[i] {
				t.Errorf("%s: place %d is %+v", text, i, endpoint)
			}
		}
	}
}

func TestNoAddressGiven(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv(address.Variable, " b:7 ")
	if a, err := address.Parse(""); err != nil || a.String() != "b:7" {
		t.Errorf("got %v, %v", a, err)
	}
	t.Setenv(address.Variable, "http://b")
	if _, err := address.Parse(""); err == nil || !strings.Contains(err.Error(), address.Variable) {
		t.Errorf("got %v", err)
	}
	t.Setenv(address.Variable, " ")
	if _, err := os.Stat("/run/nexusd/nexusd.sock"); err == nil {
		t.Skip("a daemon runs on this machine at the default socket")
	}
	a, err := address.Parse("")
	if err != nil || a.String() != "localhost:5672" {
		t.Errorf("got %v, %v", a, err)
	}
	socket := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "nexusd.sock")
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if a.String() != "unix:"+socket {
		t.Errorf("got %v", a)
	}
}
