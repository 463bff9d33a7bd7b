package front

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// strangerEnv makes the test binary a process that listens at an address, and would share it.
const strangerEnv = "FRONT_TEST_STRANGER"

// nobody is the user whose processes are no business of this one's.
const nobody = 65534

// beStranger listens until its stdin ends.
func beStranger(addr string) {
	_, err := (&net.ListenConfig{Control: share}).Listen(context.Background(), "tcp", addr)
	fmt.Println("listening:", err)
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	os.Exit(0)
}

func mustClaim(t *testing.T, address string) *Claimed {
	t.Helper()
	c, err := Claim(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// openShared opens a door of its own address and a shared one.
func openShared(t *testing.T, shared string, cluster *local) *door {
	t.Helper()
	cluster.nodes = 5
	s, err := New(Config{Address: "127.0.0.1:0", Shared: shared}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(context.Background()); err != nil {
		t.Fatal(err)
	}
	return run(t, s, shared, cluster)
}

func TestServer_sharesAnAddressWithTheOtherDoors(t *testing.T) {
	claim := mustClaim(t, "127.0.0.1:0")
	clusters := []*local{{}, {}, {}}
	var doors []*door
	for _, cluster := range clusters {
		doors = append(doors, openShared(t, claim.Address, cluster))
	}
	asked := func() (all []int) {
		for _, cluster := range clusters {
			all = append(all, len(cluster.seen()))
		}
		return all
	}
	for range 120 { // one of three hears none of them once in 10²⁰ runs
		if status, _, body := doors[0].ask("POST", pathCalc, ownHost, request); status != statusOK {
			t.Fatalf("%d %q, want 200", status, body)
		}
	}
	for i, n := range asked() {
		if n == 0 {
			t.Errorf("door %d was not asked once in 120 connections: %v", i, asked())
		}
	}
	for last := range 2 {
		if err := doors[last].stop(); err != nil {
			t.Fatal(err)
		}
		before := asked()
		for range 40 {
			if status, _, body := doors[2].ask("POST", pathCalc, ownHost, request); status != statusOK {
				t.Fatalf("with %d doors closed: %d %q, want 200", last+1, status, body)
			}
		}
		if now := asked(); now[last] != before[last] {
			t.Errorf("a closed door was asked: %v, then %v", before, now)
		}
	}
	if err := doors[2].stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Listen("tcp", claim.Address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("with every door closed somebody else gets the claimed address: %v", err)
	}
	if err := openShared(t, claim.Address, &local{}).stop(); err != nil { // a door is opened again all the same
		t.Fatal(err)
	}
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", claim.Address)
	if err != nil {
		t.Fatalf("with the claim closed: %v, want the address free", err)
	}
	_ = free.Close()
}

func TestClaim_isRefusedWhereAnybodyHasTheAddress(t *testing.T) {
	for what, config := range map[string]*net.ListenConfig{
		"who listens for itself": {},
		"who would share it":     {Control: share}, // a door of another cluster of this user
	} {
		other, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close() }()
		if _, err := Claim(other.Addr().String()); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), other.Addr().String()) {
			t.Errorf("beside %s: %v, want ErrInUse with the address", what, err)
		}
	}
	claim := mustClaim(t, "127.0.0.1:0")
	if _, err := Claim(claim.Address); !errors.Is(err, ErrInUse) {
		t.Errorf("beside a claim without doors: %v, want ErrInUse", err)
	}
}

// wantTaken checks that a door is refused a shared address, and keeps nothing of what it took before.
func wantTaken(t *testing.T, what, shared string) {
	t.Helper()
	claim := mustClaim(t, "127.0.0.1:0")
	own := claim.Address
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Address: own, Shared: shared}, &local{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(context.Background()); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), shared) {
		t.Errorf("%s: Listen = %v, want ErrInUse that names %s", what, err, shared)
	}
	free, err := net.Listen("tcp", own)
	if err != nil {
		t.Fatalf("%s: the door keeps its own address: %v", what, err)
	}
	_ = free.Close()
}

func TestListen_refusesToShareWithWhoDoesNot(t *testing.T) {
	selfish, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = selfish.Close() }()
	wantTaken(t, "a process that does not share", selfish.Addr().String())

	if os.Getuid() != 0 {
		t.Log("not root: another user's process was not tried")
		return
	}
	claim := mustClaim(t, "127.0.0.1:0")
	address := claim.Address
	if err := claim.Close(); err != nil {
		t.Fatal(err)
	}
	other := exec.Command("/proc/self/exe")
	other.Env = append(os.Environ(), strangerEnv+"="+address)
	other.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL,
	}
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = other.Wait()
	}()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "listening: <nil>\n" {
		t.Fatalf("the other user says %q, %v", line, err)
	}
	wantTaken(t, "another user that shares", address)
	if _, err := Claim(address); !errors.Is(err, ErrInUse) {
		t.Errorf("Claim beside another user = %v, want ErrInUse", err)
	}
}

func TestListen_keepsASharedAddressToLoopbackToo(t *testing.T) {
	s, err := New(Config{Address: "127.0.0.1:0", Shared: "0.0.0.0:0"}, &local{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Listen(context.Background()); !errors.Is(err, ErrExposed) {
		t.Errorf("Listen = %v, want ErrExposed", err)
	}
}
