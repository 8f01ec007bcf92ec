package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"jitbot/api"
)

const formatProcess = "process"

// credsFormats write credentials for those who take them.
func credsFormats() map[string]func(io.Writer, api.CredentialsAnswer) error {
	return map[string]func(io.Writer, api.CredentialsAnswer) error{
		formatProcess: writeProcess, "env": writeEnv, "json": writeInFull,
	}
}

// checkAnswer refuses what could be no credentials, so that nobody is handed
// some that never end or say more than themselves.
func checkAnswer(c api.CredentialsAnswer) error {
	plain := func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
	}
	whole := c.AccessKeyID != "" && c.SecretAccessKey != "" && c.SessionToken != "" && !c.ExpiresAt.IsZero()
	if !whole || !plain(c.AccessKeyID) || !plain(c.SecretAccessKey) || !plain(c.SessionToken) || !plain(c.Region) {
		return errors.New("the server's answer holds no credentials; is it a jitbot?")
	}
	return nil
}

// writeProcess writes what credential_process has to print.
func writeProcess(w io.Writer, c api.CredentialsAnswer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(struct { //nolint:gosec // G117: handing it over is what this command is for
		Version                                                int
		AccessKeyId, SecretAccessKey, SessionToken, Expiration string
	}{1, c.AccessKeyID, c.SecretAccessKey, c.SessionToken, c.ExpiresAt.UTC().Format(time.RFC3339)})
}

func writeEnv(w io.Writer, c api.CredentialsAnswer) error {
	var b strings.Builder
	for _, v := range [][2]string{
		{"AWS_ACCESS_KEY_ID", c.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", c.SecretAccessKey},
		{"AWS_SESSION_TOKEN", c.SessionToken},
		{"AWS_CREDENTIAL_EXPIRATION", c.ExpiresAt.UTC().Format(time.RFC3339)},
		{"AWS_REGION", c.Region},
		{"AWS_DEFAULT_REGION", c.Region}, // boto3 and version 1 of the AWS command line know this one alone
	} {
		if v[1] != "" {
			fmt.Fprintf(&b, "export %s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeInFull(w io.Writer, c api.CredentialsAnswer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(c) //nolint:gosec // G117: handing it over is what this command is for
}
