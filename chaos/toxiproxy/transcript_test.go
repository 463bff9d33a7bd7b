package toxiproxy

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A transcript is a conversation with a server: each request is a line, and below it stand the status and the body of the
// reply. What begins with # is a remark. <port of NAME> in a request is the port where that proxy listens; in a reply every
// port that the kernel chose is written so.

var (
	requestLine = regexp.MustCompile(`^(GET|POST|PATCH|DELETE|PUT) (\S+) ?(.*)$`)
	portWord    = regexp.MustCompile(`<port of ([a-z0-9]+)>`)
)

func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %v, %v, want transcripts", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var cfg Config
			if strings.HasSuffix(file, "links.txt") {
				cfg.Links = &wires{}
			}
			got := converse(t, begin(t, cfg), string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("%s says otherwise; with -update it becomes\n%s", file, got)
			}
		})
	}
}

// converse makes every request of a transcript and writes it anew, with the replies that came.
func converse(t *testing.T, s *stand, transcript string) string {
	t.Helper()
	var b strings.Builder
	ports := map[string]string{} // by proxy
	for line := range strings.Lines(transcript) {
		m := requestLine.FindStringSubmatch(strings.TrimSpace(line))
		switch {
		case strings.HasPrefix(line, "#"):
			b.WriteString(line)
		case m != nil:
			body := portWord.ReplaceAllStringFunc(m[3], func(word string) string { return ports[portWord.FindStringSubmatch(word)[1]] })
			status, text := s.call(m[1], m[2], body)
			for _, listen := range listens(text) {
				if _, port, err := net.SplitHostPort(strings.TrimPrefix(listen[1], udpPrefix)); err == nil && len(port) == 5 && ports[listen[0]] == "" {
					ports[listen[0]] = port
				}
			}
			for name, port := range ports {
				text = strings.ReplaceAll(text, ":"+port, ":<port of "+name+">")
			}
			fmt.Fprintf(&b, "%s%d\n", line, status)
			if text != "" {
				fmt.Fprintf(&b, "%s\n", strings.TrimSuffix(text, "\n"))
			}
			b.WriteString("\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// listens are the names and the addresses of the proxies in a reply.
func listens(text string) (all [][2]string) {
	var one Proxy
	var several map[string]json.RawMessage
	var list struct{ Proxies []Proxy }
	if json.Unmarshal([]byte(text), &one) == nil && one.Name != "" && one.Enabled {
		all = append(all, [2]string{one.Name, one.Listen})
	}
	if json.Unmarshal([]byte(text), &list) == nil {
		for _, p := range list.Proxies {
			all = append(all, [2]string{p.Name, p.Listen})
		}
	}
	if json.Unmarshal([]byte(text), &several) == nil {
		for _, raw := range several {
			var p Proxy
			if json.Unmarshal(raw, &p) == nil && p.Enabled {
				all = append(all, [2]string{p.Name, p.Listen})
			}
		}
	}
	return all
}
