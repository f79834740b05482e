// Facts about Go's types that names of objects depend on: names, kinds and fields of everything below a pod template and
// the ports of Endpoints, as JSON on standard output. Each type is {n: Go's name, k: kind, e: element, m: key of a map,
// f: [[Go's name, JSON's name or "" for an embedded struct, type]]}; numbers are places in the list.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	v1 "k8s.io/api/core/v1"
)

type entry struct {
	Name   string           `json:"n"`
	Kind   string           `json:"k"`
	Elem   *int             `json:"e,omitempty"`
	Key    *int             `json:"m,omitempty"`
	Fields [][3]interface{} `json:"f,omitempty"`
}

var list []*entry
var known = map[reflect.Type]int{}

// Printed from their own representation.
var special = map[string]string{"resource.Quantity": "quantity", "v1.Time": "time", "intstr.IntOrString": "intOrString"}

func place(t reflect.Type) int {
	if at, ok := known[t]; ok {
		return at
	}
	at := len(list)
	known[t] = at
	e := &entry{Name: t.String()}
	list = append(list, e)
	if kind, ok := special[t.String()]; ok {
		e.Kind = kind
		return at
	}
	elem := func() {
		i := place(t.Elem())
		e.Elem = &i
	}
	switch t.Kind() {
	case reflect.Ptr:
		e.Kind = "pointer"
		elem()
	case reflect.Slice:
		e.Kind = "list"
		elem()
	case reflect.Map:
		e.Kind = "map"
		elem()
		i := place(t.Key())
		e.Key = &i
	case reflect.Struct:
		e.Kind = "struct"
		for i := 0; i < t.NumField(); i++ {
			field := t.Field(i)
			name := strings.Split(field.Tag.Get("json"), ",")[0]
			e.Fields = append(e.Fields, [3]interface{}{field.Name, name, place(field.Type)})
		}
	case reflect.String:
		e.Kind = "string"
	case reflect.Bool:
		e.Kind = "bool"
	case reflect.Int32, reflect.Int64, reflect.Uint8:
		e.Kind = "int"
	default:
		panic(fmt.Sprint("no facts about ", t))
	}
	return at
}

func main() {
	roots := map[string]int{}
	for _, root := range []interface{}{v1.PodTemplateSpec{}, v1.EndpointPort{}, v1.EndpointSubset{}} {
		t := reflect.TypeOf(root)
		roots[t.String()] = place(t)
	}
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(map[string]interface{}{"roots": roots, "types": list}); err != nil {
		panic(err)
	}
}
