package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fracture/clock"
)

var (
	// ErrNoCredentials: the cluster directory or a file of it is missing. Name the directory of the cluster, or make
	// one with [Create].
	ErrNoCredentials = errors.New("no cluster credentials")
	// ErrExposed: others than the owner may read the cluster directory or a file of it. Take the rights away (chmod);
	// if somebody may have read it, make a new cluster.
	ErrExposed = errors.New("cluster credentials are open to others")
	// ErrCorrupt: a file of the cluster directory is not what it should be. Copy it again from a node that works, or
	// make a new cluster.
	ErrCorrupt = errors.New("cluster credentials cannot be read")
	// ErrExists: the directory holds the credentials of a cluster already. Use them, or choose another directory.
	ErrExists = errors.New("cluster credentials exist already")
)

// The files of a cluster directory.
const (
	gossipKeyFile     = "gossip.key" // 32 bytes in hex
	authorityCertFile = "ca.pem"
	authorityKeyFile  = "ca.key"
	labelFile         = "label" // written last: a directory that has it is whole
)

// maxCredentialBytes bounds what is read of any of these files.
const maxCredentialBytes = 16 << 10

// validity is how long a cluster's authority, and with it every certificate, is good.
const validity = 10 * 365 * 24 * time.Hour

// Secret is a symmetric key. However it is printed or encoded, it says only that it is one.
type Secret [32]byte

// Format prints "(secret)" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("(secret)")) }

// MarshalText keeps the key out of JSON and of structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Credentials make a process a member of one cluster. Everything in it but Label and Dir is secret.
type Credentials struct {
	Dir    string
	Label  string // names the cluster: gossip and beats of another cluster are not even decoded
	Gossip Secret // membership's key
	Beat   Secret // the beats' key, derived from Gossip

	authority *x509.Certificate
	key       *ecdsa.PrivateKey
}

// Format prints the cluster's label and directory, and no key.
func (c *Credentials) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "cluster %s in %s", c.Label, c.Dir)
}

// Create makes a new cluster in dir: the directory (0700) with its gossip key, its certificate authority and its label
// (0600). The directory may exist, if it is not open to others and holds no cluster.
func Create(dir string) (*Credentials, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the cluster directory: %w", err)
	}
	if err := private(dir, true); err != nil {
		return nil, err
	}
	var random [32 + 8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, fmt.Errorf("drawing the gossip key: %w", err)
	}
	label := "fracture-" + hex.EncodeToString(random[32:])
	cert, key, err := newAuthority(label)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{gossipKeyFile, []byte(hex.EncodeToString(random[:32]) + "\n")},
		{authorityCertFile, cert},
		{authorityKeyFile, key},
		{labelFile, []byte(label + "\n")},
	} {
		if err := writeNew(filepath.Join(dir, f.name), f.content); err != nil {
			return nil, err
		}
	}
	return Load(dir)
}

// newAuthority makes a certificate authority (ECDSA P-256) and returns certificate and key as PEM.
func newAuthority(label string) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making the authority's key: %w", err)
	}
	now := time.Unix(0, int64(clock.Stamp()))
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: label},
		NotBefore:             now.Add(-24 * time.Hour), // hosts' clocks differ
		NotAfter:              now.Add(validity),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, fmt.Errorf("signing the authority: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the authority's key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

func writeNew(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s; use this cluster, or choose another directory", ErrExists, path)
	}
	if err != nil {
		return fmt.Errorf("writing the cluster's credentials: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the cluster's credentials: %w", err)
	}
	return nil
}

// Load reads the credentials of the cluster in dir. It refuses what others than the owner may read.
func Load(dir string) (*Credentials, error) {
	if err := private(dir, true); err != nil {
		return nil, err
	}
	content := map[string][]byte{}
	for _, name := range []string{labelFile, gossipKeyFile, authorityCertFile, authorityKeyFile} {
		b, err := readPrivate(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		content[name] = b
	}
	c := &Credentials{Dir: dir, Label: strings.TrimSpace(string(content[labelFile]))}
	if c.Label == "" || len(c.Label) > maxNameBytes {
		return nil, corrupt(dir, labelFile, "must be one name")
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(content[gossipKeyFile])))
	if err != nil || len(key) != len(c.Gossip) {
		// The decoder's own error would quote what it read.
		return nil, corrupt(dir, gossipKeyFile, "must be 64 hexadecimal digits")
	}
	copy(c.Gossip[:], key)
	if err := c.readAuthority(content[authorityCertFile], content[authorityKeyFile]); err != nil {
		return nil, err
	}
	beat, err := hkdf.Key(sha256.New, key, nil, "fracture beat "+c.Label, len(c.Beat))
	if err != nil {
		return nil, fmt.Errorf("deriving the beat key: %w", err)
	}
	copy(c.Beat[:], beat)
	return c, nil
}

func (c *Credentials) readAuthority(cert, key []byte) error {
	block, _ := pem.Decode(cert)
	if block == nil || block.Type != "CERTIFICATE" {
		return corrupt(c.Dir, authorityCertFile, "must be a certificate in PEM")
	}
	var err error
	if c.authority, err = x509.ParseCertificate(block.Bytes); err != nil || !c.authority.IsCA {
		return corrupt(c.Dir, authorityCertFile, "must be an authority's certificate")
	}
	block, _ = pem.Decode(key)
	if block == nil || block.Type != "PRIVATE KEY" {
		return corrupt(c.Dir, authorityKeyFile, "must be a private key in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return corrupt(c.Dir, authorityKeyFile, "must be an ECDSA key in PKCS 8")
	}
	if !private.PublicKey.Equal(c.authority.PublicKey) {
		return corrupt(c.Dir, authorityKeyFile, "is not the key of "+authorityCertFile)
	}
	c.key = private
	return nil
}

func corrupt(dir, file, what string) error {
	return fmt.Errorf("%w: %s %s; copy it from a node that works, or make a new cluster",
		ErrCorrupt, filepath.Join(dir, file), what)
}

func readPrivate(path string) ([]byte, error) {
	if err := private(path, false); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxCredentialBytes {
		return nil, corrupt(filepath.Dir(path), filepath.Base(path), "is too large")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's credentials: %w", err)
	}
	return b, nil
}

// private refuses what is missing, is not the kind of file it should be, or is open to others.
func private(path string, dir bool) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing; name the directory of a cluster, or make one", ErrNoCredentials, path)
	}
	if err != nil {
		return fmt.Errorf("reading the cluster's credentials: %w", err)
	}
	if info.IsDir() != dir || (!dir && !info.Mode().IsRegular()) {
		return fmt.Errorf("%w: %s is not what it should be (a directory of plain files)", ErrCorrupt, path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		want := os.FileMode(0o600)
		if dir {
			want = 0o700
		}
		return fmt.Errorf("%w: %s has mode %04o; chmod %04o it, and make a new cluster if somebody may have read it",
			ErrExposed, path, mode, want)
	}
	return nil
}

// issue makes a certificate for the process called name, good for as long as the authority. It is never written down.
func (c *Credentials) issue(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the node's key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("drawing a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{serverName},
		NotBefore:    c.authority.NotBefore,
		NotAfter:     c.authority.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.authority, &key.PublicKey, c.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("signing the certificate of %q: %w", name, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
