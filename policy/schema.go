package policy

import _ "embed" // for schema.json

//go:embed schema.json
var schema string

// Schema is the JSON Schema (draft 2020-12) of a policy file, for editors.
// [Load] checks more than a schema can.
func Schema() []byte { return []byte(schema) }
