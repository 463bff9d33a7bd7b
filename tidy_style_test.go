package fracture

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

func TestTidy_onePackageComment(t *testing.T) {
	each(t, func(name string, p *packages.Package) {
		var with []*ast.File
		for _, file := range written(p) {
			if file.Doc != nil {
				with = append(with, file)
			}
		}
		if len(with) == 0 {
			t.Errorf("%s: has no package comment", name)
		}
		for _, file := range with[min(1, len(with)):] {
			complain(t, p.Fset, file.Doc.Pos(), "a second package comment: keep one")
		}
	})
}

func TestTidy_exportedNamesAreExplained(t *testing.T) {
	each(t, func(_ string, p *packages.Package) {
		for _, file := range written(p) {
			for _, decl := range file.Decls {
				for _, name := range unexplained(decl) {
					complain(t, p.Fset, name.Pos(), "%s is exported and needs a sentence", name.Name)
				}
			}
		}
	})
}

// unexplained lists the exported names of a declaration that have no comment ending like a sentence. A comment on a group
// counts for constants and variables, and so does one at the end of the line.
func unexplained(decl ast.Decl) []*ast.Ident {
	var bare []*ast.Ident
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && onExported(d) && !sentence(d.Doc) {
			bare = append(bare, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && !sentence(s.Doc) && !sentence(d.Doc) {
					bare = append(bare, s.Name)
				}
			case *ast.ValueSpec:
				if s.Doc != nil || s.Comment != nil || sentence(d.Doc) {
					continue
				}
				bare = append(bare, slices.DeleteFunc(slices.Clone(s.Names), func(n *ast.Ident) bool { return !n.IsExported() })...)
			}
		}
	}
	return bare
}

// onExported tells whether a function can be seen from outside: it has no receiver, or one of an exported type.
func onExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.IsExported()
		default:
			return true
		}
	}
}

func sentence(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	text := strings.TrimSpace(doc.Text())
	return text != "" && strings.ContainsAny(text, ".:")
}

func TestTidy_functionsAndFilesAreShort(t *testing.T) {
	each(t, func(_ string, p *packages.Package) {
		for _, file := range written(p) {
			if n := p.Fset.File(file.FileStart).LineCount() - 1; n > maxFileLines {
				complain(t, p.Fset, file.FileStart, "%d lines, at most %d", n, maxFileLines)
			}
			for _, decl := range file.Decls {
				d, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if n := p.Fset.Position(d.End()).Line - p.Fset.Position(d.Pos()).Line + 1; n > maxFuncLines {
					complain(t, p.Fset, d.Pos(), "%s has %d lines, at most %d", d.Name, n, maxFuncLines)
				}
			}
		}
	})
}

func TestTidy_nothingChangesBehindTheBack(t *testing.T) {
	each(t, func(_ string, p *packages.Package) {
		for _, file := range written(p) {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					if n.Recv == nil && n.Name.Name == "init" {
						complain(t, p.Fset, n.Pos(), "no init: say it in New")
					}
				case *ast.AssignStmt:
					for _, left := range n.Lhs {
						complainOfGlobal(t, p, left)
					}
				case *ast.IncDecStmt:
					complainOfGlobal(t, p, n.X)
				}
				return true
			})
		}
	})
}

// complainOfGlobal reports an assignment to a variable of the package, or to a part of one.
func complainOfGlobal(t *testing.T, p *packages.Package, left ast.Expr) {
	t.Helper()
	for {
		switch l := left.(type) {
		case *ast.IndexExpr:
			left = l.X
		case *ast.SelectorExpr:
			left = l.X
		case *ast.ParenExpr:
			left = l.X
		case *ast.Ident:
			if v, ok := p.TypesInfo.Uses[l].(*types.Var); ok && v.Parent() == p.Types.Scope() {
				complain(t, p.Fset, l.Pos(), "%s is a global and does not change", l.Name)
			}
			return
		default:
			return
		}
	}
}

func TestTidy_nothingIsLeftForLater(t *testing.T) {
	later := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	texts := []string{".go", ".md", ".proto", ".yml", ".yaml", ".sh", ""}
	walk(t, func(name string) {
		if !slices.Contains(texts, filepath.Ext(name)) && path.Base(name) != "Makefile" {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 {
			return // a program, not a text
		}
		for i, line := range strings.Split(string(text), "\n") {
			if found := later.FindString(line); found != "" {
				t.Errorf("%s:%d: %s: do it, or open an issue", name, i+1, found)
			}
		}
	})
}

func TestTidy_theTestsThatDocsNameExist(t *testing.T) {
	tests := map[string]bool{}
	named := map[string]string{} // the document, by the test
	walk(t, func(name string) {
		pattern := `(?m)^func (Test[A-Za-z0-9_]+)\(`
		switch {
		case path.Ext(name) == ".md":
			pattern = "`(Test[A-Z][a-zA-Z0-9]*_[A-Za-z0-9_]+)`"
		case !strings.HasSuffix(name, "_test.go"):
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			if path.Ext(name) == ".md" {
				named[m[1]] = name
			} else {
				tests[m[1]] = true
			}
		}
	})
	for test, document := range named {
		if !tests[test] {
			t.Errorf("%s: names %s, which is no test", document, test)
		}
	}
}

func TestTidy_theOriginalIsCitedByRows(t *testing.T) {
	const facts = "docs/ORIGINAL.md"
	id := regexp.MustCompile(`\bE-[0-9]{3}\b`)
	text, err := os.ReadFile(facts)
	if err != nil {
		t.Fatal(err)
	}
	cited := map[string]bool{} // by row
	for _, m := range regexp.MustCompile(`(?m)^\| (E-[0-9]{3}) \|`).FindAllStringSubmatch(string(text), -1) {
		cited[m[1]] = false
	}
	walk(t, func(name string) {
		if ext := filepath.Ext(name); name == facts || ext != ".go" && ext != ".md" {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, which := range id.FindAllString(string(text), -1) {
			if _, ok := cited[which]; !ok {
				t.Errorf("%s: cites %s, of which %s has no row", name, which, facts)
			}
			cited[which] = true
		}
	})
	for which, ok := range cited {
		if !ok {
			t.Errorf("%s: nobody cites %s", facts, which)
		}
	}
}

func TestTidy_testsDoNotSleep(t *testing.T) {
	walk(t, func(name string) {
		if !strings.HasSuffix(name, "_test.go") {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		virtual := slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"testing/synctest"` })
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if ok && !virtual && call.Sel.Name == "Sleep" && types.ExprString(call.X) == "time" {
				complain(t, files, n.Pos(), "tests do not sleep: poll with a deadline, or use synctest")
			}
			return true
		})
	})
}
