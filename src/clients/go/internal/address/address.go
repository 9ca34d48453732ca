// Package address reads where a daemon listens. Parsing does no I/O; resolving may ask DNS and look for the default
// socket.
package address

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// Variable is the environment variable that counts when no address is given.
	Variable = "NEXUSD_ADDR"
	// DefaultPort is used where an address has none.
	DefaultPort = 5672

	systemSocket = "/run/nexusd/nexusd.sock"
	// sun_path holds 108 bytes on Linux, 104 on macOS, the closing zero included.
	maxSocketPathBytes = 103
	forms              = "is not 'host:port', '[::1]:port', 'unix:/path' or '/path'"
)

// Address is where to look for a daemon: one or several places.
type Address struct {
	entries []entry
}

type entry struct {
	path string
	host string // empty, as the path: the default, looked up at each attempt
	port int
}

// Endpoint is one place to connect to.
type Endpoint struct {
	Network string // "tcp" or "unix"
	Address string
	// Entry counts the places that were written; one may stand for several endpoints.
	Entry int
}

// Parse reads an address; empty: the environment variable counts, else the default places.
func Parse(text string) (*Address, error) {
	what := fmt.Sprintf("the address '%s'", text)
	if strings.TrimSpace(text) == "" {
		if text != "" {
			return nil, fmt.Errorf("%s %s", what, forms)
		}
		text = os.Getenv(Variable)
		what = fmt.Sprintf("the environment variable %s='%s'", Variable, text)
		if strings.TrimSpace(text) == "" {
			return &Address{entries: []entry{{port: DefaultPort}}}, nil
		}
	}
	a := &Address{}
	for _, one := range strings.Split(text, ",") {
		e, err := parseEntry(strings.TrimSpace(one), what)
		if err != nil {
			return nil, err
		}
		a.entries = append(a.entries, e)
	}
	return a, nil
}

// String gives the address as it is told to people.
func (a *Address) String() string {
	parts := make([]string, len(a.entries))
	for i, e := range a.entries {
		parts[i] = e.String()
	}
	return strings.Join(parts, ",")
}

// Entries is the number of places that were written.
func (a *Address) Entries() int { return len(a.entries) }

// Resolve gives the places to try, in order, and the error of the last name that was not found.
func (a *Address) Resolve(ctx context.Context) ([]Endpoint, error) {
	var found []Endpoint
	var failure error
	for i, e := range a.entries {
		endpoints, err := e.resolve(ctx)
		if err != nil {
			failure = err
		}
		for _, endpoint := range endpoints {
			endpoint.Entry = i
			found = append(found, endpoint)
		}
	}
	return found, failure
}

func (e entry) String() string {
	if e.path != "" {
		return "unix:" + e.path
	}
	if e.host == "" {
		if path := defaultSocket(); path != "" {
			return "unix:" + path
		}
		return fmt.Sprintf("localhost:%d", e.port)
	}
	return net.JoinHostPort(e.host, strconv.Itoa(e.port))
}

func (e entry) resolve(ctx context.Context) ([]Endpoint, error) {
	if e.path != "" {
		return []Endpoint{{Network: "unix", Address: e.path}}, nil
	}
	port := strconv.Itoa(e.port)
	if e.host == "" {
		if path := defaultSocket(); path != "" {
			return []Endpoint{{Network: "unix", Address: path}}, nil
		}
	}
	if e.host == "" || strings.EqualFold(e.host, "localhost") {
		return []Endpoint{
			{Network: "tcp", Address: net.JoinHostPort("::1", port)},
			{Network: "tcp", Address: net.JoinHostPort("127.0.0.1", port)},
		}, nil
	}
	if net.ParseIP(e.host) != nil {
		return []Endpoint{{Network: "tcp", Address: net.JoinHostPort(e.host, port)}}, nil
	}
	hosts, err := net.DefaultResolver.LookupHost(ctx, e.host)
	if err != nil {
		return nil, fmt.Errorf("the host name '%s' was not found: check the address %s (%w)", e.host, e, err)
	}
	endpoints := make([]Endpoint, len(hosts))
	for i, host := range hosts {
		endpoints[i] = Endpoint{Network: "tcp", Address: net.JoinHostPort(host, port)}
	}
	return endpoints, nil
}

func defaultSocket() string {
	paths := []string{systemSocket}
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		paths = append(paths, filepath.Join(runtime, "nexusd.sock"))
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

func parseEntry(text, what string) (entry, error) {
	if rest, isUnix := strings.CutPrefix(text, "unix:"); isUnix || strings.HasPrefix(text, "/") {
		if strings.HasPrefix(rest, "//") {
			rest = rest[2:]
		}
		return parsePath(rest, what)
	}
	if strings.Contains(text, "://") {
		return entry{}, fmt.Errorf("%s %s: leave out what stands before '://'", what, forms)
	}
	host, port, hasPort := splitPort(text)
	if host == "" || strings.ContainsAny(host, " \t/\\@#?") {
		return entry{}, fmt.Errorf("%s %s", what, forms)
	}
	if !hasPort {
		return entry{host: host, port: DefaultPort}, nil
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return entry{}, fmt.Errorf("%s has the port '%s'; a port is a number from 1 to 65535", what, port)
	}
	return entry{host: host, port: int(number)}, nil
}

func parsePath(path, what string) (entry, error) {
	if path == "" || strings.IndexByte(path, 0) >= 0 {
		return entry{}, fmt.Errorf("%s names no socket: write unix:/path/to/nexusd.sock", what)
	}
	if len(path) > maxSocketPathBytes {
		return entry{}, fmt.Errorf("%s is too long for a Unix socket; at most %d bytes are possible", what,
			maxSocketPathBytes)
	}
	return entry{path: path}, nil
}

func splitPort(text string) (host, port string, hasPort bool) {
	if rest, bracket := strings.CutPrefix(text, "["); bracket {
		host, rest, closed := strings.Cut(rest, "]")
		switch {
		case !closed:
			return "", "", false
		case rest == "":
			return host, "", false
		case rest[0] == ':':
			return host, rest[1:], true
		}
		return "", "", false
	}
	// Several colons without brackets: an IPv6 address, which has no port of its own.
	if strings.Count(text, ":") != 1 {
		return text, "", false
	}
	host, port, _ = strings.Cut(text, ":")
	return host, port, true
}
