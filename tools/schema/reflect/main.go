// Prints, as JSON, what only Go's reflection can tell about the published Kubernetes types: the fields of every kind in
// order, with their JSON names and options, Go types and protobuf numbers. Run by tools/schema/reflect.sh in a module of
// its own that pins the versions.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	admission "k8s.io/api/admission/v1"
	admissionbeta "k8s.io/api/admission/v1beta1"
	discovery "k8s.io/api/apidiscovery/v2"
	discoverybeta "k8s.io/api/apidiscovery/v2beta1"
	autoscaling "k8s.io/api/autoscaling/v1"
	imagepolicy "k8s.io/api/imagepolicy/v1alpha1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

type field struct {
	JSON string `json:"json"`
	// Where it is not JSON's with a capital.
	Name      string `json:"name,omitempty"`
	Go        string `json:"go"`
	Number    string `json:"num,omitempty"`
	Wire      string `json:"wire,omitempty"`
	Label     string `json:"label,omitempty"`
	Inline    bool   `json:"inline,omitempty"`
	OmitEmpty bool   `json:"omitempty,omitempty"`
	OmitZero  bool   `json:"omitzero,omitempty"`
}

var types = map[string][]field{}

// name is the import path without `k8s.io/`, and the type's name; a named basic type is followed by `=` and its kind.
func name(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return "*" + name(t.Elem())
	case t.PkgPath() != "" && t.Kind() == reflect.Slice:
		return qualified(t) + "=[]" + name(t.Elem())
	case t.PkgPath() != "" && t.Kind() == reflect.Map:
		return qualified(t) + "=map[" + name(t.Key()) + "]" + name(t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "bytes"
	case t.Kind() == reflect.Slice:
		return "[]" + name(t.Elem())
	case t.Kind() == reflect.Map:
		return "map[" + name(t.Key()) + "]" + name(t.Elem())
	case t.PkgPath() == "":
		return t.String()
	}
	if t.Kind() != reflect.Struct {
		return qualified(t) + "=" + t.Kind().String()
	}
	return qualified(t)
}

func qualified(t reflect.Type) string {
	return strings.TrimPrefix(t.PkgPath(), "k8s.io/") + "." + t.Name()
}

func walk(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		walk(t.Elem())
		return
	case reflect.Map:
		walk(t.Elem())
		return
	case reflect.Struct:
	default:
		return
	}
	own := name(t)
	if _, seen := types[own]; seen || !strings.HasPrefix(t.PkgPath(), "k8s.io/") {
		return
	}
	types[own] = nil
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		parts := strings.Split(f.Tag.Get("json"), ",")
		out := field{JSON: parts[0], Go: name(f.Type)}
		if f.Name != strings.ToUpper(out.JSON[:min(1, len(out.JSON))])+out.JSON[min(1, len(out.JSON)):] && !f.Anonymous {
			out.Name = f.Name
		}
		for _, option := range parts[1:] {
			switch option {
			case "omitempty":
				out.OmitEmpty = true
			case "omitzero":
				out.OmitZero = true
			case "inline":
				out.Inline = true
			}
		}
		if f.Anonymous && out.JSON == "" {
			out.Inline = true
		}
		if tag := strings.Split(f.Tag.Get("protobuf"), ","); len(tag) > 2 {
			out.Wire, out.Number, out.Label = tag[0], tag[1], tag[2]
		}
		types[own] = append(types[own], out)
		walk(f.Type)
	}
}

func main() {
	kinds := map[string]string{}
	for _, add := range []func(*runtime.Scheme) error{
		apiextensions.AddToScheme, apiregistration.AddToScheme, admission.AddToScheme, admissionbeta.AddToScheme,
		imagepolicy.AddToScheme, discovery.AddToScheme, discoverybeta.AddToScheme,
	} {
		if err := add(scheme.Scheme); err != nil {
			panic(err)
		}
	}
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version == runtime.APIVersionInternal {
			continue
		}
		// Every group registers these; one registration says it all.
		if t.PkgPath() == "k8s.io/apimachinery/pkg/apis/meta/v1" && (gvk.Group != "" || gvk.Version != "v1") {
			continue
		}
		kinds[strings.TrimPrefix(gvk.Group+"/"+gvk.Version+"/"+gvk.Kind, "/")] = name(t)
		walk(t)
	}
	for _, extra := range []any{
		metav1.APIVersions{}, metav1.Table{}, metav1.PartialObjectMetadata{}, metav1.PartialObjectMetadataList{}, metav1.Condition{},
		autoscaling.MetricSpec{}, autoscaling.MetricStatus{}, // in annotations
	} {
		t := reflect.TypeOf(extra)
		walk(t)
		if strings.HasPrefix(t.Name(), "APIV") {
			kinds["v1/"+t.Name()] = name(t)
		} else if strings.HasPrefix(t.Name(), "Table") || strings.HasPrefix(t.Name(), "Partial") {
			kinds["meta.k8s.io/v1/"+t.Name()] = name(t)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"kinds": kinds, "types": types}); err != nil {
		panic(err)
	}
}
