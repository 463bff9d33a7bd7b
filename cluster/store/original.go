package store

import (
	"encoding/hex"
	"strconv"
)

// The keys that the original's viewers read.
const (
	// MetadataKey holds the request of the last picture, word for word.
	MetadataKey = "fractal-metadata"
	// ChunkKey holds the last picture itself.
	ChunkKey = "fractal-chunk-0-data"
)

// TileKey is the key of a stream's tile; the original counts tiles from 1, so tile 0 is "i=1".
func TileKey(tile uint32) string { return "i=" + strconv.FormatUint(uint64(tile)+1, 10) }

// Hex is a PNG as the original's viewers expect it: lower-case hexadecimal text.
func Hex(png []byte) []byte { return hex.AppendEncode(make([]byte, 0, hex.EncodedLen(len(png))), png) }

// Image makes the encoder for [Writer.PutDurable] of a requested picture: request is the body of the request, and png is
// called when the picture is really written. Readers see both keys change at once (see [Client.Set]).
func Image(request []byte, png func() ([]byte, error)) func() ([]Entry, error) {
	return func() ([]Entry, error) {
		picture, err := png()
		if err != nil {
			return nil, err
		}
		return []Entry{{Key: MetadataKey, Value: request}, {Key: ChunkKey, Value: Hex(picture)}}, nil
	}
}

// Tile makes the encoder for [Writer.Put] of a stream's tile under its [TileKey]; png is called when the tile is really
// written, which most tiles of a fast stream are not.
func Tile(png func() ([]byte, error)) func() ([]byte, error) {
	return func() ([]byte, error) {
		picture, err := png()
		if err != nil {
			return nil, err
		}
		return Hex(picture), nil
	}
}
