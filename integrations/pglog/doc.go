// Package pglog is the contextual log of PostgreSQL: its server log as jsonlog
// (from version 15) or csvlog, with what the extension pgaudit writes there. It
// needs to read the files and nothing else, and never opens a connection.
//
// What to set on the server:
//
//	log_destination = 'jsonlog'                # or csvlog
//	log_timezone = 'UTC'                       # else say the zone here
//	log_connections = on, log_disconnections = on
//	shared_preload_libraries = 'pgaudit'
//	pgaudit.log_relation = on                  # one line for each table
//	log_statement = 'none', pgaudit.log_parameter = off
//	ALTER ROLE jit_... SET pgaudit.log = 'read, write, role, ddl, function'
//
// What the log can tell is bounded by what PostgreSQL writes:
//
//   - It is best effort: a line is written when a statement starts, and what it
//     did may be rolled back later. After an error the statements of the failed
//     transaction show only as errors.
//   - Superusers can turn it off for themselves.
//   - The settings of pgaudit are those of the role that logged in. They are not
//     inherited, and SET ROLE changes neither them nor the user in the log. So a
//     shared login that is given a group role is neither audited nor told apart:
//     have one short-lived login for each grant.
//   - application_name is chosen by the client. It is shown as a hint and never
//     says whose an action is.
//   - A refusal is an error line with SQLSTATE 42501, without the table's name
//     in a field of its own. A function may raise that state itself.
//
// Whoever may log in can have nearly any text logged. In jsonlog and csvlog it
// stays within its field, and a message that looks like one of pgaudit's is told
// by its context, which pgaudit hides and nobody else can. The plain stderr
// format is not read: there the name of a user who has not even logged in can
// hold a newline and a whole line of its own.
package pglog
