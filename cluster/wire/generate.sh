#!/bin/sh -e
# Makes wire_pb_test.go from wire.proto, with protoc from the system and the plugin of the version in go.mod. The file is
# part of the tests alone: a node has no use for it.
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
go build -o "$dir/protoc-gen-go" google.golang.org/protobuf/cmd/protoc-gen-go
protoc --plugin="$dir/protoc-gen-go" --go_out="$dir" --go_opt=paths=source_relative wire.proto
mv "$dir/wire.pb.go" wire_pb_test.go
