package sqlite

import (
	"database/sql/driver"
	"embed"
	"fmt"

	"jitbot/storage/internal/migrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrator keeps the applied steps in a table of the file itself. The file's
// user_version is the number of the last one.
type migrator struct{ conn *conn }

func (m *migrator) Applied() ([]migrate.Applied, error) {
	version, err := m.conn.number("PRAGMA user_version")
	if err != nil || version == 0 {
		return nil, err
	}
	var applied []migrate.Applied
	err = m.conn.each("SELECT number, sha256 FROM migrations ORDER BY number", nil, func(v []driver.Value) error {
		applied = append(applied, migrate.Applied{Number: int(v[0].(int64)), SHA256: v[1].(string)})
		return nil
	})
	if err == nil && int64(len(applied)) != version {
		return nil, fmt.Errorf("the file says it has %d migrations and lists %d; restore a backup", version, len(applied))
	}
	return applied, err
}

func (m *migrator) Apply(step migrate.Step) error {
	script := "BEGIN IMMEDIATE;\n"
	if step.Number == 1 {
		script += "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT;\n"
	}
	script += step.SQL
	script += fmt.Sprintf("\nINSERT INTO migrations VALUES (%d, '%s', '%s');\nPRAGMA user_version = %d;\nCOMMIT;",
		step.Number, step.Name, step.SHA256, step.Number)
	if err := m.conn.script(script); err != nil {
		m.conn.rollback()
		return err
	}
	return nil
}
