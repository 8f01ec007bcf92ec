package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"jitbot/storage/sqlite"
)

const backupUsage = `usage:
  bot backup  FILE --data DIR    copy the store to FILE while the bot runs; verified before FILE is there
  bot restore FILE --data DIR    put a backup into DIR, which must have no store; the bot must not run on it
`

// runBackup is `bot backup`. It returns the exit code: 0 the backup is
// complete, verified and durable; 1 there is none; 2 the command line is wrong.
func runBackup(args []string, stdout, stderr io.Writer) int {
	return storeExit("bot backup", backupUsage, backup(args, stdout), stdout, stderr)
}

func backup(args []string, stdout io.Writer) (err error) {
	file, dir, err := fileAndData("backup", args)
	if err != nil {
		return err
	}
	r, err := sqlite.OpenReader(sqlite.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Backup(context.Background(), file); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: complete and verified\n", file)
	return err
}

// runRestore is `bot restore`. It returns the exit code: 0 the store is in
// place, 1 it is not and nothing was overwritten, 2 the command line is wrong.
func runRestore(args []string, stdout, stderr io.Writer) int {
	return storeExit("bot restore", backupUsage, restore(args, stdout), stdout, stderr)
}

func restore(args []string, stdout io.Writer) error {
	file, dir, err := fileAndData("restore", args)
	if err != nil {
		return err
	}
	if err := sqlite.Restore(context.Background(), file, sqlite.Config{Dir: dir}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: restored from %s; at its start the bot reads back everything outside before it gives anything\n", dir, file)
	return err
}

func fileAndData(command string, args []string) (file, dir string, err error) {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	data := fs.String("data", "", "")
	plain, err := parseStoreFlags(fs, args, 1)
	if err != nil {
		return "", "", err
	}
	return plain[0], *data, nil
}
