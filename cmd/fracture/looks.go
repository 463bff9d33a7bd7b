package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"fracture/tui"
)

// lookFlags say how a screen is to look and move, for whoever sits before it.
type lookFlags struct {
	ascii, noMouse, noAnim bool
	theme                  string
}

// register registers them; of says of which use of the verb they are, where that is not all.
func (f *lookFlags) register(cmd *cobra.Command, of string) {
	flags := cmd.Flags()
	flags.BoolVar(&f.ascii, "ascii", false, of+"only ASCII characters")
	flags.BoolVar(&f.noMouse, "no-mouse", false, of+"leave the mouse to the terminal, until M takes it")
	flags.BoolVar(&f.noAnim, "no-anim", false, of+"nothing moves: what happens is drawn once a second, the picture as all else, and what a key does at once")
	flags.StringVar(&f.theme, "theme", tui.ThemeNames[0], fmt.Sprintf("%scolours of the text, one of %v; high-contrast has the terminal's own, and suits light and dark", of, tui.ThemeNames))
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(tui.ThemeNames, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// check names the first flag that makes no sense.
func (f *lookFlags) check() error {
	if err := tui.CheckTheme(f.theme); err != nil {
		return fmt.Errorf("--theme: %w", err)
	}
	return nil
}
