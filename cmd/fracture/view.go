package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"fracture/render"
	"fracture/tui"
	"fracture/work/fractal"
)

// compute calculates the numbers of one picture; it comes back early when ctx ends.
type compute func(ctx context.Context, view fractal.View) (render.Field, error)

// plainColumns is how wide a picture is where nothing says how wide the output is.
const plainColumns = 80

type viewFlags struct {
	local   bool
	cluster clusterFlags
	timeout time.Duration
	png     string
	width   int
	palette string
	color   string
}

func newViewCommand() *cobra.Command {
	var flags viewFlags
	cmd := &cobra.Command{
		Use:   "view <w,h,left,top,right,bottom>",
		Short: "one picture, in the terminal or to a file",
		Long: "Computes one picture of the Mandelbrot set and prints it in half blocks, or writes it to a PNG file.\n" +
			"The picture is asked for as the front door takes it: its size in pixels, its upper left corner, its\n" +
			"lower right corner. The lab that runs on this host computes it, or with --local this process.",
		Example: `  fracture view "1000,800,-1.2,0.35,-1.0,0.2"
  fracture view --local "1000,800,-1.2,0.35,-1.0,0.2"
  fracture view --local "1920,1080,-0.786,0.149,-0.722,0.113" --png seahorses.png`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("view wants one picture: width,height,left,top,right,bottom, such as 1000,800,-1.2,0.35,-1.0,0.2")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return view(cmd.Context(), cmd.OutOrStdout(), args[0], flags)
		},
	}
	cmd.Flags().BoolVar(&flags.local, "local", false, "compute the picture in this process")
	flags.cluster.register(cmd.Flags())
	cmd.Flags().DurationVar(&flags.timeout, "timeout", 30*time.Second, "how long the cluster may take")
	cmd.Flags().StringVar(&flags.png, "png", "", "write a PNG to this file instead; - is the standard output")
	cmd.Flags().IntVar(&flags.width, "width", 0, "width in cells (default: what fits the terminal)")
	cmd.Flags().StringVar(&flags.palette, "palette", render.PaletteNames[0], fmt.Sprintf("colours, one of %v", render.PaletteNames))
	cmd.Flags().StringVar(&flags.color, "color", "auto", "depth of colour: auto, truecolor, 256, 16 or none")
	return cmd
}

// view reads the request and the flags, and only then begins to compute.
func view(ctx context.Context, out io.Writer, request string, flags viewFlags) error {
	v, err := fractal.ParseRequest([]byte(request))
	if err != nil {
		return wrongUse(fmt.Errorf("view %q: %w", request, err))
	}
	palette, err := render.NewPalette(flags.palette)
	if err != nil {
		return wrongUse(err)
	}
	if flags.timeout <= 0 {
		return wrongUse(fmt.Errorf("--timeout %v: want more than 0", flags.timeout))
	}
	at, err := screenOf(out, flags)
	if err != nil {
		return wrongUse(err)
	}
	with := computeByCluster(flags.cluster, flags.timeout)
	if flags.local {
		with = computeHere
	}
	file := ""
	if flags.png != "-" {
		file = flags.png
	}
	if err := canWrite("--png", file); err != nil {
		return err
	}
	field, err := with(ctx, v)
	if err != nil {
		return fmt.Errorf("compute the picture: %w", err)
	}
	if flags.png == "" {
		return at.print(out, v, field, palette)
	}
	var pic render.Picture
	render.Paint(&pic, field, palette, v.Width, v.Height)
	raw, err := render.EncodePNG(&pic)
	if err != nil {
		return err
	}
	if flags.png == "-" {
		_, err = out.Write(raw)
		return err
	}
	return writeWhole(flags.png, raw, 0o644)
}

func wrongUse(err error) error { return &exitError{code: exitUsage, err: err} }

// finest is a view with 2×2 samples a pixel where the bounds allow it.
func finest(v fractal.View) fractal.Params {
	params := fractal.Params{Kind: fractal.Mandelbrot, View: v, Supersample: 2}
	if params.Check() != nil {
		params.Supersample = 1
	}
	return params
}

// computeHere calculates the picture on all cores.
func computeHere(ctx context.Context, v fractal.View) (render.Field, error) {
	params := finest(v)
	var (
		function fractal.Function
		raw      = params.Append(nil)
		outputs  = make([][]byte, fractal.TilesFor(v, params.Supersample))
		group, c = errgroup.WithContext(ctx)
	)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range outputs {
		group.Go(func() error {
			if c.Err() != nil {
				return context.Cause(c)
			}
			input, err := function.Split(raw, 0, uint32(i), uint32(len(outputs)), nil)
			if err != nil {
				return err
			}
			outputs[i], err = function.Run(input, nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return render.Field{}, err
	}
	var joiner fractal.Joiner
	for _, output := range outputs {
		tile, err := fractal.DecodeTile(output)
		if err != nil {
			return render.Field{}, err
		}
		if err := joiner.Add(tile); err != nil {
			return render.Field{}, err
		}
	}
	return render.Field(joiner.Field()), nil
}

// viewScreen is where a picture is printed: how many cells it may take, and in which colours.
type viewScreen struct {
	cols, rows int // rows 0: as many as it takes
	depth      render.Depth
}

// screenOf looks at the output and its environment. What is no terminal gets characters without colour, unless the flags
// say otherwise.
func screenOf(out io.Writer, flags viewFlags) (viewScreen, error) {
	s := viewScreen{cols: plainColumns}
	size := terminalSize(out)
	if size == nil && (flags.color == "auto" || flags.color == "") {
		flags.color = "none"
	}
	depth, err := tui.ParseDepth(flags.color, os.Environ())
	if err != nil {
		return s, err
	}
	s.depth = depth
	if size != nil {
		s.cols, s.rows = int(size.Col), int(size.Row)-1 // the prompt keeps a line
	}
	if flags.width < 0 || flags.width > fractal.MaxSide {
		return s, fmt.Errorf("--width %d: 1 to %d cells", flags.width, fractal.MaxSide)
	}
	if flags.width > 0 {
		s.cols, s.rows = flags.width, 0
	}
	return s, nil
}

// fit is the size in pixels at which a picture of v's shape fills the screen and leaves none of it out.
func (s viewScreen) fit(v fractal.View) (w, h int) {
	w = s.cols
	h = max(w*v.Height/v.Width, 1)
	if high := 2 * s.rows; s.rows > 0 && h > high {
		h = high
		w = max(h*v.Width/v.Height, 1)
	}
	return w, h
}

func (s viewScreen) print(out io.Writer, v fractal.View, field render.Field, palette *render.Palette) error {
	var pic render.Picture
	w, h := s.fit(v)
	render.Paint(&pic, field, palette, w, h)
	buf := bufio.NewWriter(out)
	var line []byte
	for row := range pic.Rows() {
		line = append(render.AppendRow(line[:0], &pic, row, s.depth), '\n')
		if _, err := buf.Write(line); err != nil {
			return fmt.Errorf("print the picture: %w", err)
		}
	}
	return buf.Flush()
}
