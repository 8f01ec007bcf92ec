package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoPackageOfOursUsesATemplateEngine keeps the binary small: text/template,
// and html/template on top of it, find methods by names that are known only
// while they run. Once a template can be executed the linker therefore keeps
// every exported method of every type in the program, which made the stripped
// binary 10 MB larger.
func TestNoPackageOfOursUsesATemplateEngine(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	read := map[string]bool{}
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && notOurs(path):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		read[path] = true
		for _, engine := range templateEngines(t, root, path) {
			t.Errorf("%s imports %s: its use switches off the linker's pruning of methods for the whole program (10 MB); "+
				"write HTML with maragu.dev/gomponents, and text with fmt or strings.Builder", path, engine)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"cmd/bot/main.go", "pages/pages.go", "integrations/webchat/mount.go"} {
		if !read[path] {
			t.Errorf("%s was not looked at; does the walk still start at the top of the module?", path)
		}
	}
}

// notOurs reports whether a folder holds nothing that is linked into bot:
// hidden folders, test data and the benchmarks, which are a module of their own.
func notOurs(dir string) bool {
	name := filepath.Base(dir)
	return name != "." && strings.HasPrefix(name, ".") || name == "testdata" || name == "vendor" || dir == "bench"
}

func templateEngines(t *testing.T, root fs.FS, path string) []string {
	t.Helper()
	source, err := fs.ReadFile(root, path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, spec := range file.Imports {
		if name := strings.Trim(spec.Path.Value, `"`); name == "html/template" || name == "text/template" {
			found = append(found, name)
		}
	}
	return found
}
