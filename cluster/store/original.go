package store

import "strconv"

// The keys that the original's viewers read.
const (
	// MetadataKey holds the request of the last picture, word for word (E-010).
	MetadataKey = "fractal-metadata"
	// ChunkKey holds the last picture itself, as a PNG in lower-case hexadecimal (E-009).
	ChunkKey = "fractal-chunk-0-data"
)

// TileKey is the key of a stream's tile; the original counts tiles from 1, so tile 0 is "i=1" (E-026). Its value is a PNG
// in lower-case hexadecimal.
func TileKey(tile uint32) string { return "i=" + strconv.FormatUint(uint64(tile)+1, 10) }

// Image makes the encoder for [Writer.PutDurable] of a requested picture: request is the body of the request, and hexPNG
// is called when the picture is really written. Readers see both keys change at once (see [Client.Set]).
func Image(request []byte, hexPNG func() ([]byte, error)) func() ([]Entry, error) {
	return func() ([]Entry, error) {
		picture, err := hexPNG()
		if err != nil {
			return nil, err
		}
		return []Entry{{Key: MetadataKey, Value: request}, {Key: ChunkKey, Value: picture}}, nil
	}
}
