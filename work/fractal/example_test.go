package fractal_test

import (
	"fmt"

	"fracture/work/fractal"
)

// A picture, from the text of a request to its numbers.
func Example() {
	view, err := fractal.ParseRequest([]byte("40,30,-2.5,1.5,1.0,-1.5"))
	if err != nil {
		fmt.Println(err)
		return
	}
	params := fractal.Params{Kind: fractal.Mandelbrot, View: view, Supersample: 1}
	var (
		function fractal.Function
		joiner   fractal.Joiner
	)
	for tile := range uint32(7) {
		input, _ := function.Split(params.Append(nil), 0, tile, 7, nil)
		output, _ := function.Run(input, nil)
		numbers, _ := fractal.DecodeTile(output)
		if err := joiner.Add(numbers); err != nil {
			fmt.Println(err)
		}
	}
	field := joiner.Field()
	corner, _ := fractal.Count(field.Values[0])
	_, escaped := fractal.Count(field.Values[15*field.W+25])
	fmt.Println(joiner.Complete(), field.W, field.H, field.Max, corner, escaped)
	// Output: true 40 30 255 1 false
}
