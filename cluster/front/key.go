package front

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"fracture/work"
)

// An idempotency key makes a repeated request one request (draft-ietf-httpapi-idempotency-key-header): the stream is named
// by the key and by what is asked for, so whoever asks again, at whichever node, asks for the stream that there is.

// KeyHeader is the header that carries the key.
const KeyHeader = "Idempotency-Key"

// maxKey bounds a key, in bytes, without its quotes.
const maxKey = 128

var (
	// ErrKeyReused: the key was used with other parameters; a new request needs a new key.
	ErrKeyReused = errors.New("this " + KeyHeader + " was used for a request with other parameters (body, strategy, factor, or " +
		"whether a picture is wanted): repeat that one, or choose a new key")

	errKey = fmt.Errorf(`an %s is one string of 1 to %d printable ASCII characters, in quotes: "8e03978e-40d5"; without quotes it `+
		"may have letters, digits and . _ ~ : - + / = alone", KeyHeader, maxKey)
)

// readKey is the request's key; it is empty where there is none. The draft wants a string of RFC 9651, in quotes; many
// clients send it bare, and are understood where nothing can be misunderstood.
func readKey(header http.Header) (string, error) {
	lines := header.Values(KeyHeader)
	if len(lines) == 0 {
		return "", nil
	}
	text := strings.Trim(lines[0], " \t")
	key, ok := text, len(lines) == 1
	if strings.HasPrefix(text, `"`) {
		var quoted bool
		key, quoted = unquote(text)
		ok = ok && quoted
	} else {
		ok = ok && strings.IndexFunc(text, func(r rune) bool { return !isBare(r) }) < 0
	}
	if !ok || key == "" || len(key) > maxKey {
		return "", errKey
	}
	return key, nil
}

func isBare(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._~:-+/=", r)
}

// unquote reads a string of RFC 9651, section 4.2.5, that is the whole of text.
func unquote(text string) (string, bool) {
	var key strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return key.String(), i == len(text)-1
		case c == '\\':
			i++
			if i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", false
			}
			key.WriteByte(text[i])
		case c < ' ' || c > '~':
			return "", false
		default:
			key.WriteByte(c)
		}
	}
	return "", false
}

// keyed marks the streams that are named by a key; no other bears it.
const keyed = work.StreamID(1) << 63

// keyedID names a stream: 31 bits say the key, 32 all that is asked for under it. Two requests that differ have different
// names, so none is given another's picture.
func keyedID(key string, s *work.Stream) work.StreamID {
	part := sha256.Sum256([]byte(key))
	ask := binary.BigEndian.AppendUint32(part[:], s.Tiles)
	ask = append(ask, byte(s.Strategy), s.Factor)
	ask = append(append(ask, s.Function...), 0)
	whole := sha256.Sum256(append(ask, s.Params...))
	return keyed | work.StreamID(binary.BigEndian.Uint32(part[:]))<<32 | work.StreamID(binary.BigEndian.Uint32(whole[:]))
}

// IsKeyed reports whether a stream is named by an idempotency key: then several may ask for it.
func IsKeyed(id work.StreamID) bool { return id&keyed != 0 }

// KeyPart is what the streams of one key have in common.
func KeyPart(id work.StreamID) uint32 { return uint32(id >> 32) }
