package policyfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"jitbot/bot"
)

// gitTime is how long one call of git may take.
const gitTime = 30 * time.Second

// repository is the work tree a file is in; nil: nothing is committed.
type repository struct {
	dir, name string
	author    string
}

// repository finds the work tree of the file, where changes are to be
// committed and there is one.
func (f *File) repository(ctx context.Context, path string) (*repository, error) {
	if !f.cfg.Commit {
		return nil, nil
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.New("the git program is not installed here; install it, or set commit: false")
	}
	r := &repository{filepath.Dir(path), filepath.Base(path), f.cfg.Author}
	if r.author == "" {
		r.author = DefaultAuthor
	}
	out, err := r.git(ctx, "", "rev-parse", "--is-inside-work-tree")
	switch {
	case err != nil && strings.Contains(err.Error(), "not a git repository"), err == nil && out != "true":
		return nil, nil // a folder without git has nothing to commit to
	case err != nil: // such as a work tree of another user
		return nil, err
	}
	if _, err := r.git(ctx, "", "ls-files", "--error-unmatch", "--", r.name); err != nil {
		return nil, fmt.Errorf("git does not follow %s; commit it once by hand, or set commit: false", r.name)
	}
	return r, nil
}

// clean refuses a file with changes that nobody committed: they would be
// committed as if two people had wanted them.
func (r *repository) clean(ctx context.Context) error {
	if r == nil {
		return nil
	}
	out, err := r.git(ctx, "", "status", "--porcelain", "--", r.name)
	if err != nil {
		return err
	}
	if out != "" {
		return fmt.Errorf("%s has changes that are not committed; commit or undo them first", r.name)
	}
	return nil
}

// commit commits the file alone and returns the commit. A change that was
// committed before, as by a process that died then, is found by its trailer.
func (r *repository) commit(ctx context.Context, c bot.PolicyChange) (string, error) {
	if r == nil {
		return "", nil
	}
	if out, err := r.git(ctx, "", "status", "--porcelain", "--", r.name); err != nil {
		return "", err
	} else if out == "" {
		return r.git(ctx, "", "log", "-1", "--format=%H", "--fixed-strings", "--grep=Suggestion-Id: "+c.Suggestion, "--", r.name)
	}
	_, err := r.git(ctx, message(c), "commit", "--quiet", "--no-verify", "--author="+r.author, "--file=-", "--cleanup=verbatim", "--only", "--", r.name)
	if err != nil {
		return "", fmt.Errorf("it is not committed; commit the file by hand: %w", err)
	}
	return r.git(ctx, "", "rev-parse", "HEAD")
}

// message is the text of a commit, with its trailers last.
func message(c bot.PolicyChange) string {
	var b strings.Builder
	b.WriteString(oneLine(c.Title) + "\n\n")
	for _, t := range c.Trailers {
		b.WriteString(oneLine(t.String()) + "\n")
	}
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// git runs git on the repository. The hooks, monitors and signers that the
// repository's own configuration names are switched off. Its filters, such as
// those of LFS, are not: without them git would commit other bytes.
func (r *repository) git(ctx context.Context, stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	safe := []string{"-C", r.dir, "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "commit.gpgSign=false", "-c", "gc.auto=0"}
	cmd := exec.CommandContext(ctx, "git", append(safe, args...)...) //nolint:gosec // no shell; every argument is fixed, a name or an id
	name, mail := committer(r.author)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, // not jitbot's secrets
		"GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C",
		"GIT_COMMITTER_NAME="+name, "GIT_COMMITTER_EMAIL="+mail)
	cmd.Stdin = strings.NewReader(stdin)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bot.Shorten(oneLine(problem.String()), 300))
	}
	return strings.TrimSpace(out.String()), nil
}

func committer(author string) (name, mail string) {
	if m := authorForm.FindStringSubmatch(author); m != nil {
		return m[1], m[2]
	}
	return "jitbot", "jitbot@localhost"
}
