package tui

import (
	"errors"
	"fmt"
	"slices"

	"fracture/render"
)

// ErrUnknownTheme: the name is none of [ThemeNames]; offer those.
var ErrUnknownTheme = errors.New("unknown theme")

// ThemeNames are the colours that the screen's text may have; the first is the default. Dark and colour-blind are for dark terminals,
// light is for light ones, and high-contrast for both, for it has the terminal's own colours.
var ThemeNames = []string{"dark", "light", "high-contrast", "colour-blind"}

// CheckTheme reports a name that no theme has.
func CheckTheme(name string) error {
	if !slices.Contains(ThemeNames, name) {
		return fmt.Errorf("%w %q: one of %v", ErrUnknownTheme, name, ThemeNames)
	}
	return nil
}

// themeOf makes the look of a name for a terminal of that depth.
func themeOf(name string, depth render.Depth, ascii bool) (*theme, error) {
	looks, tints := darkLooks(), darkTints()
	switch name {
	case "dark":
	case "light":
		looks = lightLooks()
	case "high-contrast":
		looks = plainLooks()
	case "colour-blind":
		looks, tints = safeLooks(), safeTints()
	default:
		return nil, CheckTheme(name)
	}
	return dress(looks, tints, depth, ascii), nil
}

// rgb is a colour written as 0xRRGGBB.
func rgb(hex uint32) render.RGB {
	return render.RGB{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex)} //nolint:gosec // its bytes
}

// lightLooks are those of a light terminal: the same roles, dark enough to be read on white.
func lightLooks() [styles]look {
	return [styles]look{
		plain:    {},
		faint:    {rgb: rgb(0x5c6470), x256: 241, x16: 90},
		strong:   {attrs: "1"},
		title:    {rgb: rgb(0x2d4f8e), x256: 25, x16: 34},
		brand:    {rgb: rgb(0x9a4a00), x256: 94, x16: 35, attrs: "1"},
		good:     {rgb: rgb(0x1d6f36), x256: 22, x16: 32},
		caution:  {rgb: rgb(0x875600), x256: 94, x16: 35},
		danger:   {rgb: rgb(0xb71c1c), x256: 124, x16: 31, attrs: "1"},
		lit:      {rgb: rgb(0x9a4a00), x256: 94, x16: 35},
		selected: {rgb: rgb(0x9a4a00), x256: 94, x16: 35, attrs: "1"},
		bar:      {rgb: rgb(0x2f66a8), x256: 25, x16: 34},
	}
}

// plainLooks have no colour but the terminal's own, which its user has chosen: what matters is bold, underlined or both. Only the picked
// node is reversed, for a bar that is reversed cannot be seen.
func plainLooks() [styles]look {
	return [styles]look{
		strong: {attrs: "1"}, title: {attrs: "1"}, brand: {attrs: "1"}, good: {attrs: "1"}, caution: {attrs: "4"},
		danger: {attrs: "1;4"}, lit: {attrs: "1"}, selected: {attrs: "1;7"},
	}
}

// safeLooks tell good, caution and danger apart by blue, yellow and vermilion, which look different to everybody (Okabe and Ito, Color
// Universal Design).
func safeLooks() [styles]look {
	looks := darkLooks()
	looks[brand] = look{rgb: rgb(0xcc79a7), x256: 175, x16: 95, attrs: "1"}
	looks[lit] = look{rgb: rgb(0xcc79a7), x256: 175, x16: 95}
	looks[selected] = looks[brand]
	looks[good] = look{rgb: rgb(0x56b4e9), x256: 74, x16: 94}
	looks[caution] = look{rgb: rgb(0xf0e442), x256: 227, x16: 93}
	looks[danger] = look{rgb: rgb(0xd55e00), x256: 166, x16: 31, attrs: "1"}
	looks[bar] = look{rgb: rgb(0x56b4e9), x256: 74, x16: 94}
	return looks
}

// safeTints are the owners' colours of the same set, and two greys.
func safeTints() []look {
	return []look{
		{rgb: rgb(0xe69f00), x256: 178, x16: 33}, {rgb: rgb(0x56b4e9), x256: 74, x16: 94}, {rgb: rgb(0x009e73), x256: 36, x16: 36},
		{rgb: rgb(0xf0e442), x256: 227, x16: 93}, {rgb: rgb(0x0072b2), x256: 25, x16: 34}, {rgb: rgb(0xd55e00), x256: 166, x16: 31},
		{rgb: rgb(0xcc79a7), x256: 175, x16: 95}, {rgb: rgb(0x8c8c8c), x256: 245, x16: 90}, {rgb: rgb(0xd9d9d9), x256: 253, x16: 37},
	}
}
