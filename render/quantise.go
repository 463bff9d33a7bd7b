package render

// bayer is the 4×4 threshold matrix of ordered dithering. It depends on the place alone, so a still picture stays still.
var bayer = [4][4]int{
	{0, 8, 2, 10},
	{12, 4, 14, 6},
	{3, 11, 1, 9},
	{15, 7, 13, 5},
}

// cubeLevels are the six values of a channel in xterm's colour cube.
var cubeLevels = [6]int{0, 95, 135, 175, 215, 255}

// thresholds are those of a pixel's three channels, 0 … 15. Green, which carries most of the brightness, goes against
// the other two: so a dithered surface flickers in hue, which the eye blurs, rather than in brightness.
func thresholds(x, y int) (r, g, b int) {
	t := bayer[y&3][x&3]
	return t, 15 - t, bayer[y&3][(x+2)&3]
}

// index256 is the colour of xterm's 256 that stands for c at pixel x, y: of the greys when c has next to no colour, else
// of the cube, each channel dithered between its two neighbouring levels.
func index256(c RGB, x, y int) uint8 {
	tr, tg, tb := thresholds(x, y)
	lo, hi := min(c.R, c.G, c.B), max(c.R, c.G, c.B)
	if hi-lo <= 12 {
		return grey256(int(lo)/2+int(hi)/2, tr)
	}
	return uint8(16 + 36*cubeStep(int(c.R), tr) + 6*cubeStep(int(c.G), tg) + cubeStep(int(c.B), tb))
}

// grey256 is black, one of the 24 greys (8, 18 … 238) or white, dithered between two neighbours.
func grey256(v, t int) uint8 {
	step := 0
	if v < 8 {
		if 2*v > t {
			step = 1
		}
	} else {
		step = min((16*(v+2)+10*t)/160, 25)
	}
	switch step {
	case 0:
		return 16
	case 25:
		return 231
	}
	return uint8(231 + step)
}

// cubeStep is the level of the cube for v: the upper of its two neighbours when v's place between them exceeds the
// threshold t. Only the middle half of the way is dithered, the rest stays flat and calm.
func cubeStep(v, t int) int {
	k := 0
	for k < 4 && v >= cubeLevels[k+1] {
		k++
	}
	if gap := cubeLevels[k+1] - cubeLevels[k]; 64*(v-cubeLevels[k]) > gap*(17+2*t) {
		k++
	}
	return k
}

// The sixteen colours as xterm shows them; others differ a little.
var ansi16 = [16]RGB{
	{0, 0, 0}, {205, 0, 0}, {0, 205, 0}, {205, 205, 0}, {0, 0, 238}, {205, 0, 205}, {0, 205, 205}, {229, 229, 229},
	{127, 127, 127}, {255, 0, 0}, {0, 255, 0}, {255, 255, 0}, {92, 92, 255}, {255, 0, 255}, {0, 255, 255}, {255, 255, 255},
}

// nearest16 holds the nearest of the sixteen for each colour of 4 bits a channel.
var nearest16 = tabulate16()

func tabulate16() (table [4096]uint8) {
	for i := range table {
		c := RGB{uint8(i>>8) * 17, uint8(i>>4&15) * 17, uint8(i&15) * 17}
		best := 1 << 30
		for k, a := range ansi16 {
			dr, dg, db := int(c.R)-int(a.R), int(c.G)-int(a.G), int(c.B)-int(a.B)
			dl := c.luma() - a.luma()
			if d := 2*dr*dr + 3*dg*dg + 2*db*db + 6*dl*dl; d < best {
				best, table[i] = d, uint8(k)
			}
		}
	}
	return table
}

// index16 is the colour of the sixteen that stands for c at pixel x, y. The sixteen are loud, and what lies between them
// is grey: so c is made louder before the nearest is looked for.
func index16(c RGB, x, y int) uint8 {
	if c == (RGB{}) {
		return 0 // members stay black
	}
	l := c.luma()
	tr, tg, tb := thresholds(x, y)
	at := func(v uint8, t int) int { return min(max(l+(int(v)-l)*7/4+4*t-30, 0), 255) >> 4 }
	return nearest16[at(c.R, tr)<<8|at(c.G, tg)<<4|at(c.B, tb)]
}
