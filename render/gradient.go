package render

import "math"

// gradient is a closed loop of colours and how fast a rising count runs through it.
type gradient struct {
	stops []RGB   // evenly spaced; the last leads back to the first
	rate  float64 // turns for each doubling of the count
	knee  float64 // the count below which the turn is nearly linear
	start float64 // where on the loop a count of 0 lies, in turns
}

// turns is how far along the loop a count lies; its fraction is the place on the loop.
func (g gradient) turns(v float64) float64 { return g.start + g.rate*math.Log2(1+v/g.knee) }

// gradientOf is the gradient of a palette; the counting palettes have none.
func gradientOf(name string) (gradient, bool) {
	switch name {
	case "abyss":
		return gradient{rate: 0.42, knee: 6, start: 0.02, stops: []RGB{
			{4, 6, 26}, {13, 24, 74}, {24, 72, 148}, {66, 150, 198}, {188, 226, 226},
			{250, 226, 168}, {236, 152, 66}, {168, 62, 52}, {74, 20, 58}, {22, 8, 40}}}, true
	case "ember":
		return gradient{rate: 0.45, knee: 6, start: 0, stops: []RGB{
			{8, 4, 10}, {44, 8, 28}, {112, 18, 36}, {196, 54, 28}, {246, 132, 36}, {255, 214, 120}, {255, 246, 220},
			{214, 160, 140}, {110, 62, 96}, {36, 18, 46}}}, true
	case "glacier":
		return gradient{rate: 0.45, knee: 6, start: 0, stops: []RGB{
			{5, 10, 22}, {10, 42, 74}, {16, 92, 122}, {52, 152, 160}, {150, 212, 200}, {240, 250, 240},
			{176, 196, 226}, {94, 110, 178}, {44, 44, 110}, {14, 18, 52}}}, true
	case "orchid":
		return gradient{rate: 0.45, knee: 6, start: 0, stops: []RGB{
			{12, 6, 28}, {50, 18, 88}, {122, 36, 140}, {204, 76, 150}, {248, 150, 150}, {255, 220, 190},
			{190, 214, 204}, {84, 156, 168}, {30, 82, 120}, {16, 30, 70}}}, true
	case "ink":
		return gradient{rate: 0.6, knee: 6, start: 0, stops: []RGB{
			{10, 10, 12}, {84, 84, 88}, {236, 234, 228}, {120, 120, 124}}}, true
	}
	return gradient{}, false
}

// colors is black for members and n−1 colours once around the loop, laid through the stops by a Catmull–Rom spline in
// OKLab (Ottosson 2020), where equal steps look equal: no band, no muddy middle.
func (g gradient) colors(n int) []RGB {
	lab := make([][3]float64, len(g.stops))
	for i, c := range g.stops {
		lab[i] = toLab(c)
	}
	colors := make([]RGB, n)
	for i := 1; i < n; i++ {
		pos := float64(i-1) / float64(n-1) * float64(len(lab))
		k, t := int(pos), pos-math.Floor(pos)
		at := func(d int) [3]float64 { return lab[(k+d+len(lab))%len(lab)] }
		a, b, c, d := at(-1), at(0), at(1), at(2)
		var mix [3]float64
		for j := range mix {
			mix[j] = b[j] + 0.5*t*(c[j]-a[j]+t*(2*a[j]-5*b[j]+4*c[j]-d[j]+t*(3*(b[j]-c[j])+d[j]-a[j])))
		}
		colors[i] = fromLab(mix)
	}
	return colors
}

func toLab(c RGB) [3]float64 {
	r, g, b := toLight(float64(c.R)/255), toLight(float64(c.G)/255), toLight(float64(c.B)/255)
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	return [3]float64{
		0.2104542553*l + 0.7936177850*m - 0.0040720468*s,
		1.9779984951*l - 2.4285922050*m + 0.4505937099*s,
		0.0259040371*l + 0.7827717662*m - 0.8086757660*s,
	}
}

func fromLab(lab [3]float64) RGB {
	cube := func(a, b float64) float64 { v := lab[0] + a*lab[1] + b*lab[2]; return v * v * v }
	l, m, s := cube(0.3963377774, 0.2158037573), cube(-0.1055613458, -0.0638541728), cube(-0.0894841775, -1.2914855480)
	return RGB{
		channel(toScreen(max(4.0767416621*l-3.3077115913*m+0.2309699292*s, 0))),
		channel(toScreen(max(-1.2684380046*l+2.6097574011*m-0.3413193965*s, 0))),
		channel(toScreen(max(-0.0041960863*l-0.7034186147*m+1.7076147010*s, 0))),
	}
}
