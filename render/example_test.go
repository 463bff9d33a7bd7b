package render_test

import (
	"fmt"

	"fracture/render"
)

// Numbers become a picture, and its rows become text for a terminal without colour.
func Example() {
	palette, err := render.NewPalette("ink")
	if err != nil {
		fmt.Println(err)
		return
	}
	field := render.Field{W: 4, H: 2, Max: 255, Values: []float32{-1, 1, 3, 9, -1, 1, 3, 9}}
	var pic render.Picture
	render.Paint(&pic, field, palette, 8, 4)
	for row := range pic.Rows() {
		fmt.Printf("[%s]\n", render.AppendRow(nil, &pic, row, render.ASCII))
	}
	// Output:
	// [  ..++--]
	// [  ..++--]
}
