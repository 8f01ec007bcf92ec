package oidc_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jitbot/bot"
	"jitbot/integrations/oidc"
	"jitbot/internal/loopback/idpfake"
	"jitbot/internal/secret"
)

func TestT09EachSettingThatDoesNotFitIsNamed(t *testing.T) {
	t.Parallel()
	good := oidc.Config{Issuer: "https://login.example.com/realm", ClientID: "jitbot", ClientSecret: secret.Of("x")}
	for name, tt := range map[string]struct {
		change func(*oidc.Config)
		want   []string
	}{
		"good":               {func(*oidc.Config) {}, nil},
		"all":                {func(c *oidc.Config) { c.ACR, c.Scopes = "urn:x y", []string{"openid", "email", "groups"} }, nil},
		"this computer":      {func(c *oidc.Config) { c.Issuer = "http://127.0.0.1:9000" }, nil},
		"no sign-in":         {func(c *oidc.Config) { *c = oidc.Config{} }, nil},
		"the rest without":   {func(c *oidc.Config) { c.Issuer = "" }, []string{"issuer"}},
		"plain http":         {func(c *oidc.Config) { c.Issuer = "http://login.example.com" }, []string{"issuer"}},
		"a name in front":    {func(c *oidc.Config) { c.Issuer = "http://localhost.example.com" }, []string{"issuer"}},
		"no address":         {func(c *oidc.Config) { c.Issuer = "login.example.com" }, []string{"issuer"}},
		"a password in it":   {func(c *oidc.Config) { c.Issuer = "https://a:CANARY@login.example.com" }, []string{"issuer"}},
		"a query":            {func(c *oidc.Config) { c.Issuer = "https://login.example.com?x=1" }, []string{"issuer"}},
		"a line break":       {func(c *oidc.Config) { c.Issuer = "https://login.example.com/\n" }, []string{"issuer"}},
		"neither id nor key": {func(c *oidc.Config) { c.ClientID, c.ClientSecret = "", secret.Value{} }, []string{"client_id", "client_secret"}},
		"no openid":          {func(c *oidc.Config) { c.Scopes = []string{"email"} }, []string{"scopes"}},
		"no e-mail":          {func(c *oidc.Config) { c.Scopes = []string{"openid"} }, []string{"scopes"}},
		"scopes in one":      {func(c *oidc.Config) { c.Scopes = []string{"openid", "email", "a b"} }, []string{"scopes"}},
		"classes in lines":   {func(c *oidc.Config) { c.ACR = "a\nb" }, []string{"acr"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			tt.change(&c)
			found := map[string]string{}
			c.Check(func(key, text string) { found[key] = text })
			if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(found))); diff != "" {
				t.Error(diff, found)
			}
			if strings.Contains(found["issuer"], "CANARY") {
				t.Errorf("a password is repeated: %s", found["issuer"])
			}
			_, err := oidc.Open(c, bot.Deps{Now: time.Now}, redirect)
			if wantErr := len(tt.want) > 0 || !c.Enabled(); (err != nil) != wantErr {
				t.Errorf("Open: %v", err)
			}
		})
	}
	if _, err := oidc.Open(good, bot.Deps{Now: time.Now}, "http://jit.example.com/s/callback"); err == nil {
		t.Error("browsers may come back over plain http")
	}
}

func TestDoctorSaysWhatAProviderLacks(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(*idpfake.Server)
		bad   string // what the bad finding says; empty: none is
	}{
		"all well":        {func(*idpfake.Server) {}, ""},
		"PKCE not told":   {func(s *idpfake.Server) { s.Announce("code_challenge_methods_supported", nil) }, ""},
		"PKCE by name":    {func(s *idpfake.Server) { s.Announce("code_challenge_methods_supported", []string{"plain"}) }, "S256"},
		"another flow":    {func(s *idpfake.Server) { s.Announce("response_types_supported", []string{"id_token"}) }, "authorization code flow"},
		"HS256 alone":     {func(s *idpfake.Server) { s.Announce("id_token_signing_alg_values_supported", []string{"HS256"}) }, "no signature"},
		"another issuer":  {func(s *idpfake.Server) { s.Announce("issuer", "https://login.example.org/") }, "calls itself"},
		"down":            {func(s *idpfake.Server) { s.Break(idpfake.Discovery, idpfake.Unavailable) }, "could not be discovered"},
		"keys down":       {func(s *idpfake.Server) { s.Break(idpfake.Keys, idpfake.Unavailable) }, "keys could not be fetched"},
		"keys flooded":    {func(s *idpfake.Server) { s.Break(idpfake.Keys, idpfake.Flood) }, "too large"},
		"keys elsewhere":  {func(s *idpfake.Server) { s.Break(idpfake.Keys, idpfake.Elsewhere) }, "redirects"},
		"unsafe endpoint": {func(s *idpfake.Server) { s.Announce("token_endpoint", "http://login.example.org/token") }, "token_endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setup(t, nil)
			tt.spoil(o.idp)
			var bad []bot.Finding
			registered := false
			for _, f := range o.open(http.Client{Timeout: 5 * time.Second}).Check(t.Context()) {
				registered = registered || strings.Contains(f.What, redirect)
				if !f.OK {
					bad = append(bad, f)
				}
			}
			if !registered {
				t.Error("the redirect address to register is not said")
			}
			if tt.bad == "" && len(bad) > 0 || tt.bad != "" && (len(bad) != 1 || !strings.Contains(bad[0].What, tt.bad) || bad[0].Hint == "") {
				t.Errorf("found %+v, want %q", bad, tt.bad)
			}
		})
	}
}
