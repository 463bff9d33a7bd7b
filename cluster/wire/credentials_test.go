package wire

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreate_makesWhatLoadReadsAndNobodyElseMay(t *testing.T) {
	made := newCluster(t)
	err := filepath.WalkDir(made.Dir, func(path string, d fs.DirEntry, err error) error {
		info, ierr := d.Info()
		if err = errors.Join(err, ierr); err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %04o, want nothing for others", path, mode)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	read, err := Load(made.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if read.Gossip != made.Gossip || read.Beat != made.Beat || read.Label != made.Label {
		t.Error("Load read another cluster than Create made")
	}
	if read.Gossip == read.Beat || read.Gossip == (Secret{}) || read.Beat == (Secret{}) {
		t.Error("the keys are empty, or one is the other")
	}
	if _, err := Create(made.Dir); !errors.Is(err, ErrExists) {
		t.Errorf("Create over a cluster = %v, want ErrExists", err)
	}
	if newCluster(t).Gossip == made.Gossip {
		t.Error("two clusters share a key")
	}
}

func TestLoad_saysWhatIsWrong(t *testing.T) {
	other := newCluster(t)
	file := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	do := func(f func(string) error) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := f(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	othersKey, err := os.ReadFile(filepath.Join(other.Dir, authorityKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("5ec2e7", 10)
	for name, c := range map[string]struct {
		harm func(*testing.T, string)
		want error
		says string
	}{
		"no directory":      {do(os.RemoveAll), ErrNoCredentials, "make one"},
		"no label":          {do(func(d string) error { return os.Remove(d + "/label") }), ErrNoCredentials, "label"},
		"no key":            {do(func(d string) error { return os.Remove(d + "/ca.key") }), ErrNoCredentials, "ca.key"},
		"open directory":    {do(func(d string) error { return os.Chmod(d, 0o755) }), ErrExposed, "chmod 0700"},
		"open key":          {do(func(d string) error { return os.Chmod(d+"/gossip.key", 0o640) }), ErrExposed, "chmod 0600"},
		"short key":         {file(gossipKeyFile, key), ErrCorrupt, "64 hexadecimal digits"},
		"key not in hex":    {file(gossipKeyFile, strings.Repeat("zz", 32)), ErrCorrupt, "64 hexadecimal digits"},
		"empty label":       {file(labelFile, "\n"), ErrCorrupt, "one name"},
		"no PEM":            {file(authorityCertFile, "hello"), ErrCorrupt, "in PEM"},
		"another's key":     {file(authorityKeyFile, string(othersKey)), ErrCorrupt, "is not the key of ca.pem"},
		"a file of 1 MB":    {file(authorityKeyFile, strings.Repeat("k", 1<<20)), ErrCorrupt, "too large"},
		"a directory as it": {do(func(d string) error { _ = os.Remove(d + "/label"); return os.Mkdir(d+"/label", 0o700) }), ErrCorrupt, "plain files"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newCluster(t).Dir
			c.harm(t, dir)
			_, err := Load(dir)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("Load = %v, want %v that says %q", err, c.want, c.says)
			}
			if strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "zzzz") {
				t.Fatal("the error tells the key")
			}
		})
	}
}

func TestCredentials_doNotTellTheirSecrets(t *testing.T) {
	c := newCluster(t)
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cfg := struct{ C *Credentials }{c}
	said := fmt.Sprintf("%v %+v %#v %s %x %d %v %x %+v", c, c, c, c, c, c, c.Gossip, c.Beat, cfg) + string(encoded)
	for _, key := range []Secret{c.Gossip, c.Beat} {
		for _, form := range []string{string(key[:]), hex.EncodeToString(key[:]), strings.Trim(fmt.Sprint([32]byte(key)), "[]")} {
			if strings.Contains(said, form) {
				t.Fatalf("a key is told in %q", said)
			}
		}
	}
	if !strings.Contains(said, c.Label) {
		t.Errorf("said %q, want the label in it", said)
	}
	private, err := c.key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said, hex.EncodeToString(private)) || strings.Contains(said, new(big.Int).SetBytes(private).String()) {
		t.Fatal("the authority's key is told")
	}
}
