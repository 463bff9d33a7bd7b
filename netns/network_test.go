package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// apart runs a test in a network of its own, on a thread of its own that ends with it. Where this process may have none, what is
// tested is that the error says why.
func apart(t *testing.T, test func(t *testing.T, n *Network)) {
	t.Helper()
	if why := Possible(); why != nil {
		if !errors.Is(why, ErrRights) && !errors.Is(why, ErrKernel) {
			t.Errorf("Possible = %v, which says neither which right is missing nor what the kernel lacks", why)
		}
		if os.Geteuid() == 0 {
			t.Logf("root, and no network of its own: %v", why)
		}
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked
		host, err := os.Open(ownPath)
		if err == nil {
			err = unix.Unshare(unix.CLONE_NEWNET)
		}
		if err != nil {
			t.Error(err)
			return
		}
		n, err := furnish(host)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, n)
	}()
	<-done
}

// sleeper starts a process that waits to be killed as the i-th node, and answers with its network namespace.
func sleeper(t *testing.T, n *Network, i int, name string) (*exec.Cmd, *os.File) {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.Fork(i, name, cmd.Start); err != nil {
		t.Error(err)
		return nil, nil
	}
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid))
	if err != nil {
		t.Error(err)
	}
	return cmd, namespace
}

// udpTo is the error of sending a packet to an address from the calling thread's namespace: nil where the kernel has a way.
func udpTo(to netip.Addr) error {
	conn, err := net.Dial("udp", netip.AddrPortFrom(to, 9).String())
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte("beat"))
	return errors.Join(err, conn.Close())
}

func TestNetwork_takesARealInterfaceDown(t *testing.T) {
	apart(t, func(t *testing.T, n *Network) {
		cmd, namespace := sleeper(t, n, 2, "n2")
		if cmd == nil {
			return
		}
		defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
		defer func() { _ = namespace.Close() }()
		look := func() (flags net.Flags, err error) {
			failed := in(namespace, func() error {
				own, lookErr := net.InterfaceByName(interfaceName)
				if lookErr != nil {
					return lookErr
				}
				flags, err = own.Flags, udpTo(Gateway())
				return nil
			})
			if failed != nil {
				t.Error(failed)
			}
			return flags, err
		}
		if flags, err := look(); flags&net.FlagUp == 0 || err != nil {
			t.Errorf("a new node's interface is %v and sends with %v, want up and nil", flags, err)
		}
		for _, up := range []bool{false, false, true} { // what is down already is taken down without an error
			if err := n.Set(namespace, up); err != nil {
				t.Errorf("Set(%v) = %v", up, err)
			}
			flags, err := look()
			if isUp := flags&net.FlagUp != 0; isUp != up {
				t.Errorf("after Set(%v) the interface is %v", up, flags)
			}
			if !up && !errors.Is(err, unix.ENETUNREACH) {
				t.Errorf("with its interface down a node sends with %v, want the kernel's %v", err, unix.ENETUNREACH)
			}
			if up && err != nil {
				t.Errorf("with its interface up again a node sends with %v", err)
			}
		}
	})
}

func TestNetwork_aNodeStartedAgainHasAnInterfaceAgain(t *testing.T) {
	apart(t, func(t *testing.T, n *Network) {
		for range 3 { // the kernel may not have cleared the one before
			cmd, namespace := sleeper(t, n, 1, "n1")
			if cmd == nil {
				return
			}
			if err := in(namespace, func() error { return udpTo(Gateway()) }); err != nil {
				t.Error(err)
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			_ = namespace.Close()
		}
		if here, err := net.InterfaceByName(bridgeName); err != nil || here.Index != n.bridge {
			t.Errorf("after three forks this thread sees %v, %v, want the bridge, of index %d", here, err, n.bridge)
		}
	})
}

func TestNetwork_whatFailsLeavesTheThreadWhereItWas(t *testing.T) {
	apart(t, func(t *testing.T, n *Network) {
		broken := errors.New("no program")
		if err := n.Fork(1, "n1", func() error { return broken }); !errors.Is(err, broken) {
			t.Errorf("Fork of what does not start = %v, want %v", err, broken)
		}
		if err := n.Fork(1, "a name that is far too long", func() error { return nil }); err == nil {
			t.Error("Fork gave an interface a name of 27 characters")
		}
		if err := n.Fork(MaxNodes+1, "n1", func() error { return nil }); err == nil {
			t.Error("Fork found an address for a node too many")
		}
		if _, err := net.InterfaceByName(bridgeName); err != nil {
			t.Errorf("after what failed this thread is elsewhere: %v", err)
		}
	})
}

func TestNetwork_listensOnTheHost(t *testing.T) {
	apart(t, func(t *testing.T, n *Network) {
		var listener net.Listener
		err := n.OnHost(func() (err error) { listener, err = net.Listen("tcp", "127.0.0.1:0"); return err })
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = listener.Close() }()
		dial := func() error {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				return err
			}
			return conn.Close()
		}
		if err := n.OnHost(dial); err != nil {
			t.Errorf("on the host, who listens there is not reached: %v", err)
		}
		if err := dial(); err == nil {
			t.Error("who listens on the host is reached from the network of our own")
		}
	})
}

func TestExplain_saysWhichRightIsMissing(t *testing.T) {
	for err, want := range map[error]error{
		unix.EPERM: ErrRights, unix.EACCES: ErrRights, unix.EINVAL: ErrKernel, unix.EOPNOTSUPP: ErrKernel, unix.ENOSPC: ErrKernel,
	} {
		if got := explain("doing it", "CAP_SYS_ADMIN", "network namespaces", err); !errors.Is(got, want) {
			t.Errorf("explain(%v) = %v, want %v", err, got, want)
		}
	}
	if err := explain("doing it", "CAP_SYS_ADMIN", "network namespaces", nil); err != nil {
		t.Errorf("explain(nil) = %v", err)
	}
}

func TestPossible_withoutTheRight(t *testing.T) {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends without its rights
		var none [2]unix.CapUserData
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			t.Error(err)
		}
		err := unix.Unshare(unix.CLONE_NEWNET)
		result <- explain("making a network namespace", "CAP_SYS_ADMIN", "network namespaces", err)
	}()
	if err := <-result; !errors.Is(err, ErrRights) && !errors.Is(err, ErrKernel) {
		t.Errorf("a thread without rights made a network namespace: %v", err)
	}
}
