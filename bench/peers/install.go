package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// program is what a peer needs on this machine, and the Debian package that has it.
type program struct{ name, debian string }

// lacking are the packages of programs that are not installed.
func lacking(programs []program) (packages []string) {
	for _, p := range programs {
		if _, err := exec.LookPath(p.name); err != nil && !slices.Contains(packages, p.debian) {
			packages = append(packages, p.debian)
		}
	}
	return packages
}

// install installs packages by Debian's own means, one after the other, so that one that there is not does not stop the
// others. What goes wrong is told; what is still lacking is then seen where it is needed.
func install(ctx context.Context, packages []string, say io.Writer) {
	if len(packages) == 0 {
		return
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		_, _ = fmt.Fprintf(say, "not on Debian (no apt-get): install %s by hand\n", strings.Join(packages, ", "))
		return
	}
	asRoot(ctx, say, "apt-get", "-qq", "update")
	for _, name := range packages {
		_, _ = fmt.Fprintf(say, "installing %s\n", name)
		asRoot(ctx, say, "apt-get", "-qq", "install", "--yes", "--no-install-recommends", name)
		stopServices(ctx, name, say)
	}
}

// stopServices stops what Debian starts by itself when one of our packages is installed. It is called for those alone
// that were not there before; a service that somebody else wanted is left in peace.
func stopServices(ctx context.Context, name string, say io.Writer) {
	services := map[string][]string{
		"beanstalkd":   {"beanstalkd"},
		"haproxy":      {"haproxy"},
		"etcd-server":  {"etcd"},
		"redis-server": {"redis-server"},
		"erlang-base":  {"epmd.socket", "epmd"},
	}
	_, err := os.Stat("/run/systemd/system")
	for _, service := range services[name] {
		switch {
		case err == nil && exec.CommandContext(ctx, "systemctl", "--quiet", "cat", service).Run() == nil:
			asRoot(ctx, say, "systemctl", "--quiet", "disable", "--now", service)
		case err != nil && present("/etc/init.d/"+service):
			asRoot(ctx, say, "/etc/init.d/"+service, "stop")
		}
	}
}

func present(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// asRoot runs a command as root, by sudo where this user is another, and never asks for a password.
func asRoot(ctx context.Context, say io.Writer, argv ...string) {
	if os.Getuid() != 0 {
		argv = append([]string{"sudo", "-n"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		_, _ = fmt.Fprintf(say, "%s: %v\n%s\n", strings.Join(argv, " "), err, out)
	}
}

// debianVersion is the version of an installed package, and empty where dpkg does not know it.
func debianVersion(ctx context.Context, name string) string {
	out, err := exec.CommandContext(ctx, "dpkg-query", "--show", "--showformat=${Version}", name).Output()
	if err != nil {
		return ""
	}
	return string(out)
}
