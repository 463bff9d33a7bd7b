// Package fracture holds no code: the test beside this file is the house rules, and its table is the architecture.
package fracture

import (
	"bufio"
	"cmp"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"

	"fracture/chaos"
)

// place is where a package stands: how high, and whether it is pure.
type place struct {
	layer int
	pure  bool
}

// house is the architecture: every package with its place. A package imports only from lower layers, never sideways.
// The drawing in docs/ARCHITECTURE.md says the same, and TestTidy_theDrawingIsTheHouse compares the two.
var house = map[string]place{
	"clock":            {layer: 0},
	"thread":           {layer: 0},
	"netns":            {layer: 0},
	"work":             {layer: 0, pure: true},
	"cluster/failover": {layer: 1, pure: true},
	"chaos":            {layer: 1, pure: true},
	"render":           {layer: 1, pure: true},
	"work/fractal":     {layer: 1, pure: true},
	"work/probe":       {layer: 1, pure: true},
	"cluster/wire":     {layer: 2},
	"cluster/store":    {layer: 2},
	"chaos/sim":        {layer: 2, pure: true},
	"chaos/meter":      {layer: 2},
	"telemetry":        {layer: 2},
	"httpd":            {layer: 2},
	"chaos/report":     {layer: 3},
	"tui":              {layer: 3},
	"cluster/front":    {layer: 3},
	"cluster/keep":     {layer: 3},
	"chaos/toxiproxy":  {layer: 3},
	"lab":              {layer: 3},
	"chaos/scenario":   {layer: 3},
	"control":          {layer: 3},
	"cluster":          {layer: 4},
	"cmd/fracture":     {layer: 5},
}

const (
	module        = "fracture"
	maxFileLines  = 400 // not of tests and generated files
	maxFuncLines  = 70  // not of tests and generated files
	lowestFaulted = 2   // faults.go may stand in this layer and above
)

// namesSayNothing are package names that do not tell what is inside.
var namesSayNothing = []string{"util", "utils", "common", "types", "models", "pkg", "internal", "helpers", "misc", "base", "shared"}

// impureImports and what lies below them read or change the world, or make the order of things a matter of luck.
var impureImports = []string{
	"context", "crypto/rand", "io/ioutil", "log", "math/rand", "net", "os", "runtime", "sync", "syscall", "testing",
	"golang.org/x/sys", "golang.org/x/sync",
}

// impureCalls are the functions that a pure package may not name, in packages that it may import.
var impureCalls = map[string][]string{
	"time":            {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"},
	module + "/clock": {"Now"},
	"maps":            {"All", "Keys", "Values"}, // in an order of luck
	"reflect":         {"Select", "MakeChan"},
	"math/rand/v2":    {"Int", "IntN", "Int64", "Int64N", "Uint32", "Uint64", "Uint64N", "Float64", "Perm", "Shuffle", "N", "NormFloat64", "ExpFloat64"},
	"path/filepath":   {"Abs", "Glob", "Walk", "WalkDir", "EvalSymlinks"},
}

// load parses and type-checks every package of the module once, without tests.
var load = sync.OnceValues(func() ([]*packages.Package, error) {
	return packages.Load(&packages.Config{Mode: packages.LoadSyntax}, "./...")
})

// each calls check for every package of the house.
func each(t *testing.T, check func(name string, p *packages.Package)) {
	t.Helper()
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.PkgPath == module {
			continue // this test
		}
		if len(p.Errors) > 0 {
			continue // TestTidy_everythingCompiles says so
		}
		check(strings.TrimPrefix(p.PkgPath, module+"/"), p)
	}
}

// written are the files of a package that a person wrote.
func written(p *packages.Package) []*ast.File {
	return slices.DeleteFunc(slices.Clone(p.Syntax), ast.IsGenerated)
}

// complain reports a broken rule as file:line: rule.
func complain(t *testing.T, files *token.FileSet, at token.Pos, format string, args ...any) {
	t.Helper()
	position := files.Position(at)
	name := position.Filename
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, name); err == nil {
			name = relative
		}
	}
	t.Errorf("%s:%d: %s", name, position.Line, fmt.Sprintf(format, args...))
}

func TestTidy_everythingCompiles(t *testing.T) {
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, err := range p.Errors {
			t.Errorf("%v", err)
		}
	}
}

func TestTidy_importsGoDownward(t *testing.T) {
	found := map[string]bool{}
	each(t, func(name string, p *packages.Package) {
		found[name] = true
		here, ok := house[name]
		if !ok {
			t.Errorf("%s: has no place in the house; give it one in tidy_test.go and docs/ARCHITECTURE.md", name)
		}
		for _, word := range strings.Split(name, "/") {
			if slices.Contains(namesSayNothing, word) {
				t.Errorf("%s: a package named %q does not say what is inside", name, word)
			}
		}
		for _, file := range p.Syntax {
			for _, spec := range file.Imports {
				target, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/")
				if ok && house[target].layer >= here.layer {
					complain(t, p.Fset, spec.Pos(), "%s (L%d) imports %s (L%d): only downward, never sideways",
						name, here.layer, target, house[target].layer)
				}
			}
		}
	})
	for name := range house {
		if !found[name] {
			t.Errorf("%s: has a place in the house and no code", name)
		}
	}
}

func TestTidy_theDrawingIsTheHouse(t *testing.T) {
	file, err := os.Open("docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	line := regexp.MustCompile(`^(\S+)/ .*?( PURE)? +L(\d)$`)
	drawn := map[string]place{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if m := line.FindStringSubmatch(lines.Text()); m != nil {
			drawn[m[1]] = place{layer: int(m[3][0] - '0'), pure: m[2] != ""}
		}
	}
	for name := range house {
		if drawn[name] != house[name] {
			t.Errorf("docs/ARCHITECTURE.md: %s is drawn as %+v, the house has it as %+v", name, drawn[name], house[name])
		}
	}
	for name := range drawn {
		if _, ok := house[name]; !ok {
			t.Errorf("docs/ARCHITECTURE.md: draws %s, which the house does not have", name)
		}
	}
}

func TestTidy_theFilesToReadFirstExist(t *testing.T) {
	text, err := os.ReadFile("docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("(?m)^[0-9]\\. `([^`]+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) == 0 {
		t.Error("docs/ARCHITECTURE.md: names no file to read first")
	}
	for _, m := range named {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("docs/ARCHITECTURE.md: says to read %s, and %v", m[1], err)
		}
	}
}

func TestTidy_pureMeansPure(t *testing.T) {
	each(t, func(name string, p *packages.Package) {
		if !house[name].pure {
			return
		}
		for _, file := range p.Syntax {
			for _, spec := range file.Imports {
				target := strings.Trim(spec.Path.Value, `"`)
				for _, bad := range impureImports {
					if target == bad || strings.HasPrefix(target, bad+"/") && target != "math/rand/v2" {
						complain(t, p.Fset, spec.Pos(), "%s is pure and may not import %s", name, target)
					}
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if what := impurity(p.TypesInfo, n); what != "" {
					complain(t, p.Fset, n.Pos(), "%s is pure: no %s", name, what)
				}
				return true
			})
		}
	})
}

// impurity names what is impure about a node of the syntax; it is empty where nothing is.
func impurity(info *types.Info, n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "goroutine"
	case *ast.SelectStmt:
		return "select"
	case *ast.ChanType, *ast.SendStmt:
		return "channel"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "channel"
		}
	case *ast.RangeStmt:
		switch info.TypeOf(n.X).Underlying().(type) {
		case *types.Map:
			return "range over a map"
		case *types.Chan:
			return "channel"
		}
	case *ast.SelectorExpr:
		used, ok := info.Uses[n.Sel].(*types.Func)
		if !ok || used.Pkg() == nil || used.Signature().Recv() != nil {
			return ""
		}
		if slices.Contains(impureCalls[used.Pkg().Path()], used.Name()) {
			return used.Pkg().Path() + "." + used.Name()
		}
	}
	return ""
}

func TestTidy_theImpureIsSeen(t *testing.T) {
	files := token.NewFileSet()
	checker := types.Config{Importer: importer.ForCompiler(files, "source", nil)}
	for code, want := range map[string]string{
		`go func() {}()`:                          "goroutine",
		`select {}`:                               "select",
		`var c chan int; _ = c`:                   "channel",
		`for k := range map[int]int{} { _ = k }`:  "range over a map",
		`_ = time.Now()`:                          "time.Now",
		`f := time.Since; _ = f`:                  "time.Since",
		`_ = rand.IntN(3)`:                        "math/rand/v2.IntN",
		`_ = rand.New(rand.NewPCG(1, 2)).Perm(3)`: "",
		`for k := range []int{} { _ = k }`:        "",
		`_ = time.Duration(3).Seconds()`:          "",
	} {
		source := "package p\nimport (\"time\"; \"math/rand/v2\")\nvar _ time.Time\nvar _ rand.Rand\nfunc f() { " + code + " }"
		file, err := parser.ParseFile(files, "p.go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
		if _, err := checker.Check("p", files, []*ast.File{file}, info); err != nil {
			t.Fatal(err)
		}
		var got string
		ast.Inspect(file, func(n ast.Node) bool { got = cmp.Or(got, impurity(info, n)); return true })
		if got != want {
			t.Errorf("%s: found %q, want %q", code, got, want)
		}
	}
}

func TestTidy_faultsHaveTheirDoors(t *testing.T) {
	promised := map[string][]string{}
	for _, site := range chaos.Sites {
		for _, door := range site.Doors() {
			promised[door] = append(promised[door], site.String())
		}
	}
	var doors []string
	walk(t, func(name string) {
		if !strings.HasSuffix(name, "faults.go") {
			return
		}
		door := path.Dir(name)
		doors = append(doors, door)
		if path.Base(name) != "faults.go" {
			t.Errorf("%s: the door for faults is named faults.go, one a package", name)
		}
		if house[door].layer < lowestFaulted {
			t.Errorf("%s: faults enter in L%d and above", name, lowestFaulted)
		}
		if promised[door] == nil {
			t.Errorf("%s: no site of chaos.Sites has its door here", name)
		}
	})
	for door, sites := range promised {
		if !slices.Contains(doors, door) {
			t.Errorf("%s: chaos says that %v has its door here, and there is no faults.go", door, sites)
		}
	}
}

// walk calls visit with every file of the tree, by its slashed path, apart from what git and tools keep for themselves.
func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	private := []string{".git", "bin", "out"}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(private, name):
			return fs.SkipDir
		case entry.Type().IsRegular():
			visit(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
