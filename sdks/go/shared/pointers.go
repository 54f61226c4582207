package shared

// Pointer is the address of a value, for optional members.
func Pointer[T any](value T) *T { return &value }

// String is the address of a text.
func String(value string) *string { return &value }

// Int64 is the address of a number.
func Int64(value int64) *int64 { return &value }

// Bool is the address of a truth.
func Bool(value bool) *bool { return &value }
