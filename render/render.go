// Package render turns numbers into colours, colours into terminal cells, and cells into bytes.
//
// Tiles arrive as numbers; here alone they become colour, so two screens may draw one stream differently. The package is
// pure: no clock, no terminal, no file.
package render
