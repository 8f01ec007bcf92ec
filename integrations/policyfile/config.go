package policyfile

import "regexp"

// Config says what is done beside writing the file.
type Config struct {
	// Commit has each change committed with git, where the file is in a work
	// tree. It needs the git program. Default: false.
	Commit bool `yaml:"commit"`
	// Author is who commits: Name <mail>. Default: jitbot <jitbot@localhost>.
	Author string `yaml:"author"`
}

// DefaultAuthor commits where the configuration names nobody.
const DefaultAuthor = "jitbot <jitbot@localhost>"

var authorForm = regexp.MustCompile(`^([^<>\x00-\x1f]*[^<>\x00-\x20]) <([^<>@\s]+@[^<>@\s]+)>$`)

// Check implements the configuration's checker.
func (c Config) Check(report func(key, text string)) {
	if c.Author != "" && !authorForm.MatchString(c.Author) {
		report("author", "has to be Name <mail>, such as jitbot <jitbot@example.com>")
	}
	if c.Author != "" && !c.Commit {
		report("author", "means nothing without commit: true")
	}
}
