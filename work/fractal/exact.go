package fractal

import "math"

// The functions here give the same bits on every machine. The library's do not promise that, and a compiler may fuse a
// product and a sum into one instruction with one rounding, unless the product is converted explicitly.

// log2 is the binary logarithm of a positive, normal x, to about 1e-15 of its value or of 1.
func log2(x float64) float64 {
	bits := math.Float64bits(x)
	exp := int(bits>>52) - 1023
	m := math.Float64frombits(bits&(1<<52-1) | 1023<<52)
	if m > math.Sqrt2 {
		m, exp = m/2, exp+1
	}
	// ln m = 2·artanh((m−1)/(m+1)), and |t| ≤ 0.172: eleven terms reach the last bit.
	t := (m - 1) / (m + 1)
	t2 := float64(t * t)
	sum := 0.0
	for k := 21; k >= 1; k -= 2 {
		sum = float64(sum*t2) + 1/float64(k)
	}
	return float64(exp) + float64(float64(float64(2*t)*sum)*math.Log2E)
}

// exp2 is 2 to the x for |x| below 1000, to about 1e-15 of its value.
func exp2(x float64) float64 {
	whole := math.Floor(x)
	y := float64((x - whole) * math.Ln2)
	// e^y for 0 ≤ y < 0.7: twenty terms of the series, from the smallest.
	sum := 1.0
	for k := 20; k >= 1; k-- {
		sum = 1 + float64(y*sum)/float64(k)
	}
	return float64(sum * math.Float64frombits(uint64(int(whole)+1023)<<52))
}
