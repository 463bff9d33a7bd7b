package render

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
)

// EncodePNG is the picture, without its marks, as a PNG of 8 bits a channel and no alpha. An empty picture is an error.
func EncodePNG(pic *Picture) ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, pic.W, pic.H))
	for i, c := range pic.Pix {
		copy(img.Pix[4*i:], []byte{c.R, c.G, c.B, 255})
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil, fmt.Errorf("encode %d×%d as PNG: %w", pic.W, pic.H, err)
	}
	return buf.Bytes(), nil
}

// EncodeHexPNG is the picture as the original keeps it in its store: the PNG of [EncodePNG] in lower-case hexadecimal
// (E-009).
func EncodeHexPNG(pic *Picture) ([]byte, error) {
	raw, err := EncodePNG(pic)
	if err != nil {
		return nil, err
	}
	return hex.AppendEncode(make([]byte, 0, hex.EncodedLen(len(raw))), raw), nil
}
