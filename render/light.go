package render

import "math"

// Colours are mixed as light, not as the numbers of a screen: half black and half white is a grey of 188, not 128. Light
// is linear in 16 bits.

// light is the linear light of a colour.
type light struct{ r, g, b uint16 }

var (
	lightOf  = tabulateLight()  // sRGB channel → linear light
	screenOf = tabulateScreen() // linear light / 16 → sRGB channel
)

func tabulateLight() (table [256]uint16) {
	for i := range table {
		table[i] = uint16(math.Round(65535 * toLight(float64(i)/255)))
	}
	return table
}

func tabulateScreen() (table [4096]uint8) {
	for i := range table {
		table[i] = channel(toScreen(float64(i) / 4095))
	}
	return table
}

// toLight and toScreen are the transfer function of IEC 61966-2-1 and its inverse, both over 0 … 1.
func toLight(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func toScreen(v float64) float64 {
	if v <= 0.0031308 {
		return v * 12.92
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// channel rounds 0 … 1 to 8 bits, cutting off what lies outside.
func channel(v float64) uint8 { return uint8(math.Round(255 * min(max(v, 0), 1))) }

func (c RGB) light() light { return light{lightOf[c.R], lightOf[c.G], lightOf[c.B]} }

// luma is how bright a colour looks, 0 … 255 (BT.709 weights on screen values).
func (c RGB) luma() int { return (54*int(c.R) + 183*int(c.G) + 19*int(c.B)) >> 8 }

// blend is c with amount/255 of o in it, mixed on screen values: a tint is a mark, not light.
func (c RGB) blend(o RGB, amount uint8) RGB {
	a := int(amount)
	mix := func(x, y uint8) uint8 { return uint8((int(x)*(255-a) + int(y)*a + 127) / 255) }
	return RGB{mix(c.R, o.R), mix(c.G, o.G), mix(c.B, o.B)}
}
