module github.com/keyhaven/keyhaven/sdks/go

go 1.23
