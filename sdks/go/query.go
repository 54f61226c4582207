package keyhaven

import (
	"fmt"
	"net/url"
	"reflect"
)

// add puts a parameter into a query, unless it is absent.
func add(query url.Values, name string, value any) {
	v := reflect.ValueOf(value)
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return
	case v.Kind() == reflect.Pointer:
		query.Add(name, fmt.Sprint(v.Elem().Interface()))
	case v.Kind() == reflect.Slice:
		for at := range v.Len() {
			query.Add(name, fmt.Sprint(v.Index(at).Interface()))
		}
	default:
		query.Add(name, fmt.Sprint(value))
	}
}
