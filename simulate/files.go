package simulate

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Write puts an organisation into a folder, which is made if it is not there.
func (g *Org) Write(dir string) error {
	for _, sub := range []string{"policies", "cloudtrail"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return fmt.Errorf("make the folder: %w", err)
		}
	}
	files := map[string]func(io.Writer) error{
		"policy.yaml":    func(w io.Writer) error { _, err := w.Write(g.YAML); return err },
		"config.yaml":    g.writeConfig,
		"history.jsonl":  g.writeHistory,
		"activity.jsonl": g.writeActivity,
		"truth.json":     g.writeTruth,
		"tickets.yaml":   g.writeTickets,
		"README.txt":     g.writeReadme,
	}
	for name, text := range g.files {
		files[name] = func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	for _, a := range g.accounts {
		if a.trail {
			files["cloudtrail/"+a.id+".json.gz"] = func(w io.Writer) error { return g.writeTrail(w, a) }
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), files[name]); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, fill func(io.Writer) error) error {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := fill(w); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (g *Org) writeHistory(w io.Writer) error {
	enc := json.NewEncoder(w)
	for i := range g.Lines {
		if err := enc.Encode(&g.Lines[i]); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

func (g *Org) writeTruth(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(g.Truth) //nolint:wrapcheck // the caller names the file
}

// told is one line of the plain activity format.
type told struct {
	ID       string `json:"id,omitempty"`
	Time     string `json:"time,omitempty"`
	Actor    string `json:"actor,omitempty"`
	Grant    string `json:"grant,omitempty"`
	Session  string `json:"session,omitempty"`
	Scope    string `json:"scope,omitempty"`
	Action   string `json:"action,omitempty"`
	Resource string `json:"resource,omitempty"`
	Outcome  string `json:"outcome,omitempty"`
	Src      string `json:"src,omitempty"`
	ReadOnly bool   `json:"read_only,omitempty"`
	Account  string `json:"account,omitempty"`
	Until    string `json:"until,omitempty"`
}

// writeActivity tells of the accounts that a plain log tells of.
func (g *Org) writeActivity(w io.Writer) error {
	enc := json.NewEncoder(w)
	for i := range g.Deeds {
		d := &g.Deeds[i]
		if d.area.account.trail {
			continue
		}
		session := d.Grant
		if d.Hearsay {
			session = ""
		}
		err := enc.Encode(told{
			ID: d.ID, Time: stamp(d.At), Actor: d.Actor, Grant: d.Grant, Session: session, Scope: d.Scope, Action: d.Action, Resource: d.Resource,
			Outcome: string(d.Outcome), Src: d.Origin, ReadOnly: d.ReadOnly, Account: d.area.account.id,
		})
		if err != nil {
			return err //nolint:wrapcheck // the caller names the file
		}
	}
	return enc.Encode(told{Until: stamp(g.toldUntil())}) //nolint:wrapcheck // the same
}

// toldUntil is the instant until which the logs tell everything.
func (g *Org) toldUntil() time.Time { return g.Until }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// writeTrail tells of one account as CloudTrail does.
func (g *Org) writeTrail(w io.Writer, a account) error {
	z := gzip.NewWriter(w)
	if _, err := io.WriteString(z, `{"Records":[`); err != nil {
		return err //nolint:wrapcheck // the caller names the file
	}
	sep := ""
	for i := range g.Deeds {
		if d := &g.Deeds[i]; d.area.account == a {
			raw, err := json.Marshal(d.record())
			if err != nil {
				return err //nolint:wrapcheck // the same
			}
			if _, err := z.Write(append([]byte(sep), raw...)); err != nil {
				return err //nolint:wrapcheck // the same
			}
			sep = ",\n"
		}
	}
	if _, err := io.WriteString(z, "]}\n"); err != nil {
		return err //nolint:wrapcheck // the same
	}
	return z.Close() //nolint:wrapcheck // the same
}

// record is a deed as CloudTrail writes it.
func (d *Deed) record() map[string]any {
	service, verb, _ := strings.Cut(d.Action, ":")
	role := d.Scope[strings.LastIndex(d.Scope, "/")+1:]
	session := d.Grant
	if session == "" {
		session = d.Actor
	}
	id := d.area.account.id
	context := map[string]any{
		"sessionIssuer": map[string]any{"type": "Role", "arn": d.Scope, "accountId": id, "userName": role},
	}
	if d.Grant != "" {
		context["sourceIdentity"] = d.person
	}
	rec := map[string]any{
		"eventVersion": "1.11", "eventID": d.ID, "eventTime": d.At.UTC().Format(time.RFC3339), "eventSource": service + ".amazonaws.com", "eventName": verb,
		"awsRegion": "eu-central-1", "sourceIPAddress": d.Origin, "userAgent": "aws-cli/2.31", "readOnly": d.ReadOnly, "eventType": "AwsApiCall",
		"managementEvent": true, "recipientAccountId": id, "eventCategory": "Management",
		"resources": []any{map[string]any{"ARN": d.Resource, "accountId": id}},
		"userIdentity": map[string]any{
			"type": "AssumedRole", "principalId": "AROA000000000000000:" + session, "accountId": id,
			"arn":            "arn:aws:sts::" + id + ":assumed-role/" + role + "/" + session,
			"sessionContext": context,
		},
	}
	if d.Outcome != "ok" {
		rec["errorCode"] = "AccessDenied"
		rec["errorMessage"] = "User is not authorized to perform: " + d.Action + " because no identity-based policy allows the " + d.Action + " action"
	}
	return rec
}
