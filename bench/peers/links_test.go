package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	client "github.com/Shopify/toxiproxy/v2/client"
)

// linkedLab starts a lab of three nodes whose links Toxiproxy's API drives, and answers with the API's address.
func linkedLab(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "fracture")
	runtime, err := os.MkdirTemp("", "lab") // short, for a socket's path is to fit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(runtime) })
	build := exec.Command("go", "build", "-o", binary, "./cmd/fracture")
	build.Dir = "../.."
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	cmd := exec.Command(binary, "lab", "--plain", "--nodes", "3", "--fps", "10", "--probe", "50ms", "--duration", "1m",
		"--gossip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--toxiproxy", "127.0.0.1:0")
	cmd.Env = append(cmd.Environ(), "XDG_RUNTIME_DIR="+runtime)
	var said strings.Builder
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the lab ended with %v: %s", err, said.String())
		}
	})
	address := regexp.MustCompile(`Toxiproxy's API is at http://(\S+:\d+)`)
	alive := regexp.MustCompile(`n[123] is alive`)
	found, up := "", 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			found = m[1]
		}
		if alive.MatchString(lines.Text()) {
			up++
		}
		if found != "" && up == 3 {
			go func() { // so that the lab can go on writing
				for lines.Scan() {
				}
			}()
			return found
		}
	}
	t.Fatal("the lab ended before three nodes were alive")
	return ""
}

// TestToxiproxy_itsOwnClientDrivesTheLinksOfALab has Toxiproxy's own Go client break links between real nodes.
func TestToxiproxy_itsOwnClientDrivesTheLinksOfALab(t *testing.T) {
	c := client.NewClient(linkedLab(t))
	all, err := c.Proxies()
	if err != nil || len(all) != 3 {
		t.Fatalf("Proxies = %v, %v, want one for each two of three nodes", all, err)
	}
	link := all["n1-n2"]
	added, err := link.AddToxic("", "latency", "upstream", 1, client.Attributes{"latency": 20})
	if err != nil || added.Name != "latency_upstream" {
		t.Fatalf("AddToxic = %+v, %v", added, err)
	}
	changed, err := link.UpdateToxic("latency_upstream", 0.5, client.Attributes{"jitter": 5})
	if err != nil || changed.Toxicity != 0.5 || changed.Attributes["latency"] != 20.0 || changed.Attributes["jitter"] != 5.0 {
		t.Errorf("UpdateToxic = %+v, %v", changed, err)
	}
	for kind, attributes := range map[string]client.Attributes{
		"bandwidth": {"rate": 64}, "slow_close": {"delay": 100}, "reset_peer": {"timeout": 60_000}, "slicer": {"average_size": 100},
		"limit_data": {"bytes": 1 << 30}, "timeout": {"timeout": 60_000},
	} {
		if _, err := link.AddToxic("", kind, "downstream", 1, attributes); err != nil {
			t.Errorf("AddToxic of %s = %v", kind, err)
		}
		if err := link.RemoveToxic(kind + "_downstream"); err != nil {
			t.Errorf("RemoveToxic of %s = %v", kind, err)
		}
	}
	if _, err := link.AddToxic("", "latency", "downstream", 1, client.Attributes{"latency": 5000}); err == nil || !strings.Contains(err.Error(), "HTTP 400") {
		t.Errorf("AddToxic of 5 s = %v, want 400", err)
	}
	if _, err := c.CreateProxy("n1-n2", "127.0.0.1:0", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "HTTP 409") {
		t.Errorf("CreateProxy of a link = %v, want 409", err)
	}
	if err := link.Disable(); err != nil {
		t.Errorf("Disable = %v", err)
	}
	if err := c.ResetState(); err != nil {
		t.Fatal(err)
	}
	if now, err := c.Proxy("n1-n2"); err != nil || !now.Enabled || len(now.ActiveToxics) > 0 {
		t.Errorf("after a reset the link is %+v, %v", now, err)
	}
}
