package control

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Files of a cluster directory, for its user alone (0600).
const (
	tokenFile   = "token"   // who knows what is in it may ask
	addressFile = "control" // host:port
)

// tokenBytes is how much luck is in a token.
const tokenBytes = 32

func newToken() string {
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

// sameToken compares in a time that tells nothing of either.
func sameToken(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// leaveWord writes token and address; the address last, for who finds it is to find the token too.
func leaveWord(dir, token, address string) error {
	for _, f := range []struct{ name, text string }{{tokenFile, token}, {addressFile, address}} {
		path := filepath.Join(dir, f.name)
		fresh := path + ".new"
		if err := errors.Join(os.WriteFile(fresh, []byte(f.text+"\n"), 0o600), os.Rename(fresh, path)); err != nil {
			takeWordAway(dir)
			return fmt.Errorf("noting where the control API is: %w", err)
		}
	}
	return nil
}

// takeWordAway removes both; what is gone by then is as good.
func takeWordAway(dir string) {
	for _, name := range []string{addressFile, tokenFile, addressFile + ".new", tokenFile + ".new"} {
		_ = os.Remove(filepath.Join(dir, name))
	}
}
