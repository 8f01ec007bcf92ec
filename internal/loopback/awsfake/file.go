package awsfake

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// open takes over what the state file remembers and seeds what it does not.
func (s *Server) open() error {
	if err := s.loadKey(); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	now := s.cfg.Now()
	for _, g := range s.cfg.Groups {
		if slices.Contains(s.state.Groups, g.Name) {
			continue
		}
		s.state.Groups = append(s.state.Groups, g.Name)
		for _, m := range g.Members {
			s.state.join(g.Name, m, now)
		}
	}
	s.seedCenter(now)
	return s.seedPolicies()
}

func (s *Server) seedPolicies() error {
	for _, r := range s.roles {
		for name, doc := range r.Policies {
			if len(s.state.Policies[r.Name][name]) > 0 {
				continue
			}
			if _, err := parsePolicy(doc); err != nil {
				return fmt.Errorf("role %s, policy %s: %w", r.Name, name, err)
			}
			s.state.putPolicy(r.Name, name, doc, s.cfg.Now())
		}
	}
	return nil
}

// loadKey reads the key that sessions derive from, or makes it. Without a
// state file it lives and dies with the process.
func (s *Server) loadKey() error {
	s.root = make([]byte, 32)
	_, _ = rand.Read(s.root) // never fails
	if s.cfg.StateFile == "" {
		return nil
	}
	name := s.cfg.StateFile + ".key"
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return writeFile(name, []byte(hex.EncodeToString(s.root)))
	}
	if err != nil {
		return fmt.Errorf("key of the sessions: %w", err)
	}
	if s.root, err = hex.DecodeString(string(text)); err != nil || len(s.root) != 32 {
		return fmt.Errorf("%s does not hold a key; remove it to start with a new one", name)
	}
	return nil
}

func (s *Server) load() error {
	if s.cfg.StateFile == "" {
		return nil
	}
	text, err := os.ReadFile(s.cfg.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := json.Unmarshal(text, &s.state); err != nil {
		return fmt.Errorf("state in %s is unreadable (%w); remove the file to start afresh", s.cfg.StateFile, err)
	}
	return nil
}

// save writes the state file; the caller holds the lock.
func (s *Server) save() error {
	if s.cfg.StateFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(s.state, "", " ")
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return writeFile(s.cfg.StateFile, text)
}

// writeFile replaces a file as a whole, readable by its owner alone.
func writeFile(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
