module github.com/keyhaven/keyhaven/examples/go

go 1.23

require github.com/keyhaven/keyhaven/sdks/go v0.1.0

replace github.com/keyhaven/keyhaven/sdks/go => ../../sdks/go
