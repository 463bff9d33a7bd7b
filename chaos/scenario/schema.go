package scenario

import _ "embed" // Schema

// Schema is the JSON Schema (2020-12) of both forms, for editors and for whoever writes scenarios by program. What it allows may
// still be wrong: it knows neither the flags of `fracture inject`, nor what contradicts what.
//
//go:embed scenario.schema.json
var Schema []byte
