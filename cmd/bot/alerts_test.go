package main

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"jitbot/activity"
	"jitbot/bot"
	"jitbot/integrations/exportfile"
	"jitbot/internal/strictyaml"
	"jitbot/jit"
	"jitbot/policy"
)

// alertFile is a rule file of Prometheus, as far as ours has it.
type alertFile struct {
	Groups []struct {
		Name  string      `yaml:"name,required"`
		Rules []alertRule `yaml:"rules,required"`
	} `yaml:"groups,required"`
}

type alertRule struct {
	Alert       string            `yaml:"alert,required"`
	Expr        string            `yaml:"expr,required"`
	For         time.Duration     `yaml:"for"`
	Labels      map[string]string `yaml:"labels,required"`
	Annotations struct {
		Summary     string `yaml:"summary,required"`
		Description string `yaml:"description,required"`
		Runbook     string `yaml:"runbook,required"`
	} `yaml:"annotations,required"`
}

func alertRules(t *testing.T) (out []alertRule) {
	t.Helper()
	src, err := os.ReadFile("../../deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var f alertFile
	scalars := strictyaml.Scalars{reflect.TypeFor[time.Duration](): func(text string) (any, error) {
		d, err := model.ParseDuration(text)
		return time.Duration(d), err
	}}
	if err := strictyaml.Decode("alerts.yaml", src, &f, scalars); err != nil {
		t.Fatal(err)
	}
	for _, g := range f.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

// silentSource is a source that has told nothing yet.
type silentSource struct{}

func (silentSource) Name() string                                { return "trail" }
func (silentSource) Watches(jit.Holding) bool                    { return true }
func (silentSource) Read(context.Context, activity.Intake) error { return nil }

// scraped are the series of an app that runs, by metric, with their labels.
func scraped(t *testing.T) map[string][]map[string]string {
	t.Helper()
	c := defaultConfig()
	c.Data, c.Web.Enabled = t.TempDir(), false
	c.BaseURL, c.AWS.Region, c.AWS.IAMUser = "http://127.0.0.1", "eu-central-1", "{email}"
	c.Export.Files = map[string]exportfile.Config{"trail": {Path: filepath.Join(t.TempDir(), "trail.jsonl")}}
	log := newLog(c.Log, io.Discard)
	a, err := openApp(t.Context(), c, log, func() (*policy.Policy, error) { return loadPolicy("demo/policy.yaml") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.close() })
	a.service, err = bot.New(bot.Config{ // as the app's, with a source
		Store: a.store, People: a.people, Policy: a.service.Policy(), Now: time.Now,
		Provisioners: a.service.Provisioners, Sources: []activity.Source{silentSource{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := a.handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]map[string]string{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			out[name] = append(out[name], labels)
			if m.GetHistogram() != nil {
				bucket := maps.Clone(labels)
				bucket["le"] = ""
				out[name+"_bucket"] = append(out[name+"_bucket"], bucket)
			}
		}
	}
	return out
}

var (
	metricName = regexp.MustCompile(`\bjitbot_[a-z_]+\b`)
	selector   = regexp.MustCompile(`\b(jitbot_[a-z_]+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`^([a-z_]+)(=|=~)"([^"]*)"$`)
	grouping   = regexp.MustCompile(`by \(([a-z_, ]+)\)`)
)

func TestEveryAlertIsAboutSeriesThatARunningJitbotTells(t *testing.T) {
	t.Parallel()
	series := scraped(t)
	names := map[string]bool{}
	for _, r := range alertRules(t) {
		if names[r.Alert] {
			t.Errorf("%s is there twice", r.Alert)
		}
		names[r.Alert] = true
		used := metricName.FindAllString(r.Expr, -1)
		if len(used) == 0 {
			t.Errorf("%s is about nothing of jitbot's", r.Alert)
		}
		for _, name := range used {
			if len(series[name]) == 0 {
				t.Errorf("%s: %s is not told", r.Alert, name)
			}
		}
		for _, s := range selector.FindAllStringSubmatch(r.Expr, -1) {
			for _, m := range strings.Split(s[2], ",") {
				hasMatch(t, r.Alert, s[1], m, series[s[1]])
			}
		}
		for _, by := range grouping.FindAllStringSubmatch(r.Expr, -1) {
			for _, label := range strings.Split(by[1], ", ") {
				if label != "instance" && !slices.ContainsFunc(used, func(n string) bool { return hasLabel(series[n], label) }) {
					t.Errorf("%s groups by %s, which no series has", r.Alert, label)
				}
			}
		}
		for _, label := range regexp.MustCompile(`\$labels\.([a-z_]+)`).FindAllStringSubmatch(r.Annotations.Summary, -1) {
			if !slices.ContainsFunc(used, func(n string) bool { return hasLabel(series[n], label[1]) }) {
				t.Errorf("%s says %s, which no series has", r.Alert, label[1])
			}
		}
		if r.Labels["severity"] != "page" && r.Labels["severity"] != "ticket" {
			t.Errorf("%s has severity %q", r.Alert, r.Labels["severity"])
		}
		if fault := wellFormed(r.Expr); fault != "" {
			t.Errorf("%s: %s", r.Alert, fault)
		}
	}
	for _, must := range []string{"JitbotGrantsOverdue", "JitbotClockJumped", "JitbotSourceSilent", "JitbotSourceNeverTold", "JitbotOutboxStuck", "JitbotExportLags", "JitbotProviderFails"} {
		if !names[must] {
			t.Errorf("there is no alert %s", must)
		}
	}
}

func hasLabel(series []map[string]string, label string) bool {
	return slices.ContainsFunc(series, func(l map[string]string) bool { _, ok := l[label]; return ok })
}

func hasMatch(t *testing.T, alert, name, text string, series []map[string]string) {
	t.Helper()
	m := matcher.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		t.Errorf("%s: %q is no matcher", alert, text)
		return
	}
	pattern := regexp.QuoteMeta(m[3])
	if m[2] == "=~" {
		pattern = m[3]
	}
	whole, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil || !slices.ContainsFunc(series, func(l map[string]string) bool { return whole.MatchString(l[m[1]]) }) {
		t.Errorf("%s: no series of %s has %s", alert, name, text)
	}
}

// lexeme is one word of an expression: what our rules use of the language.
var lexeme = regexp.MustCompile(`^(?:\s+|\d+(?:\.\d+)?|[a-z_]+|"[^"]*"|\[\d+[smh]\]|>=|<=|==|!=|=~|[-+*/<>=(){},])`)

// wellFormed checks an expression without a parser of the whole language, which
// is as large as jitbot: its words are known, its brackets match, and operators
// stand between operands.
func wellFormed(expr string) (fault string) {
	known := map[string]bool{"max": true, "sum": true, "by": true, "abs": true, "absent": true, "rate": true, "increase": true, "and": true, "or": true, "time": true, "histogram_quantile": true, "instance": true, "kind": true, "le": true, "source": true, "result": true}
	operators := map[string]bool{">": true, "<": true, "==": true, "!=": true, ">=": true, "<=": true, "*": true, "+": true, "-": true, "/": true, "and": true, "or": true}
	var open []string
	last := "("
	for rest := expr; rest != ""; {
		word := lexeme.FindString(rest)
		if word == "" {
			return "cannot be read at " + rest
		}
		rest = rest[len(word):]
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		switch {
		case word == "(" || word == "{":
			open = append(open, map[string]string{"(": ")", "{": "}"}[word])
		case word == ")" || word == "}":
			if len(open) == 0 || open[len(open)-1] != word {
				return "a bracket does not match"
			}
			open = open[:len(open)-1]
		case operators[word]:
			if operators[last] || last == "(" || last == "," {
				return word + " has nothing before it"
			}
		case regexp.MustCompile(`^[a-z_]+$`).MatchString(word) && !known[word] && !strings.HasPrefix(word, "jitbot_"):
			return word + " is not known"
		}
		last = word
	}
	if len(open) > 0 || operators[last] {
		return "it ends early"
	}
	return ""
}

func TestTheCheckOfExpressionsFindsMistakes(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{
		"max(jitbot_x", "jitbot_x > ", "> 1", "summ(jitbot_x) > 1", "jitbot_x{a=\"b\") > 1", "jitbot_x > > 1", "rate(jitbot_x[15]) > 1", "jitbot_x # 1", "sum(* jitbot_x)",
	} {
		if wellFormed(expr) == "" {
			t.Errorf("%s passes", expr)
		}
	}
}
