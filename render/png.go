package render

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
)

// Image is the picture, without its marks, as the image package has it: 8 bits a channel, nowhere transparent.
func (p *Picture) Image() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, p.W, p.H))
	for i, c := range p.Pix {
		copy(img.Pix[4*i:], []byte{c.R, c.G, c.B, 255})
	}
	return img
}

// EncodePNG is [Picture.Image] as a PNG of 8 bits a channel and no alpha. An empty picture is an error.
func EncodePNG(pic *Picture) ([]byte, error) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, pic.Image()); err != nil {
		return nil, fmt.Errorf("encode %d×%d as PNG: %w", pic.W, pic.H, err)
	}
	return buf.Bytes(), nil
}
