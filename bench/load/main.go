// Load drives one API server through a workload and prints a JSON line for each step. It knows nothing of the server but
// its address, certificates and process ids: the same program, the same bytes for every server.
//
//	load -server https://127.0.0.1:6443 -ca ca.crt -cert u.crt -key u.key -pids 1,2 -workload apiserver.json [-scale 0.1]
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A workload is data: see ../workloads.
type workload struct {
	// Pod is the file of the object that is created, a pod where no step names another resource; $NAME in it becomes the object's name.
	Pod string `json:"pod"`
	// Status is the file of the patch of a pod's status; $NUMBER in it becomes a running number.
	Status string `json:"status"`
	Steps  []step `json:"steps"`
}

type step struct {
	Name string `json:"name"`
	// Do is create, get, list, patch, delete, memory, served, idle-watches (idle.go), beside (beside.go), or one of those in schedule.go.
	Do        string `json:"do"`
	Namespace string `json:"namespace"`
	// Resource is apis/GROUP/VERSION/PLURAL of what is created and read; pods where it is empty.
	Resource string `json:"resource"`
	// Count is the number of requests; for get, patch and list Of is the number of objects in the namespace.
	Count    int `json:"count"`
	Of       int `json:"of"`
	Clients  int `json:"clients"`
	Watchers int `json:"watchers"`
	// Unmeasured steps prepare or warm up; nothing is printed for them.
	Unmeasured bool `json:"unmeasured"`

	// File is the object of the steps nodes, post, fill and schedule; in it $NAME becomes its name, $ZONE one of Zones zones,
	// $NODE one of the nodes that exist, $GROUP a number below Groups, in turn.
	File   string `json:"file"`
	Path   string `json:"path"`
	Zones  int    `json:"zones"`
	Groups int    `json:"groups"`
	// Accept and Gzip are how Path is read.
	Accept string `json:"accept"`
	Gzip   bool   `json:"gzip"`
	// Fixed counts do not follow the scale.
	Fixed bool `json:"fixed"`
}

func main() {
	server := flag.String("server", "", "URL of the API server")
	ca := flag.String("ca", "", "PEM file of its authority")
	cert := flag.String("cert", "", "PEM file of the client certificate")
	key := flag.String("key", "", "PEM file of its key")
	pids := flag.String("pids", "", "processes of the server, separated by commas")
	scheduler := flag.Int("scheduler", 0, "process of the scheduler, for steps that measure one")
	file := flag.String("workload", "", "JSON file of the workload")
	scale := flag.Float64("scale", 1, "factor of the counts of measured steps")
	read := flag.String("read", "", "only read this path for each line of standard input")
	accept := flag.String("accept", "", "as this")
	gzip := flag.Bool("gzip", false, "compressed")
	flag.Parse()
	identity := []string{"-server", *server, "-ca", *ca, "-cert", *cert, "-key", *key}
	config, err := tlsConfig(*ca, *cert, *key)
	if err == nil && *read != "" {
		c := newClient(*server, config)
		if *accept != "" {
			c.accept = *accept
		}
		c.gzip = *gzip
		err = readOnCommand(c, *read)
	} else if err == nil {
		err = run(&runner{server: *server, identity: identity, tls: config, directory: filepath.Dir(*file), scheduler: *scheduler}, *pids, *file, *scale)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func tlsConfig(ca, cert, key string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func run(r *runner, pids, file string, scale float64) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var w workload
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&w); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if w.Pod != "" {
		if r.pod, err = os.ReadFile(r.path(w.Pod)); err != nil {
			return err
		}
	}
	if w.Status != "" {
		if r.status, err = os.ReadFile(r.path(w.Status)); err != nil {
			return err
		}
	}
	for _, part := range strings.Split(pids, ",") {
		pid, err := strconv.Atoi(part)
		if err != nil {
			return fmt.Errorf("-pids: %w", err)
		}
		r.pids = append(r.pids, pid)
	}
	out := json.NewEncoder(os.Stdout)
	for _, s := range w.Steps {
		if !s.Unmeasured && !s.Fixed {
			s.Count, s.Of = scaled(s.Count, scale), scaled(s.Of, scale)
		}
		result, err := r.step(s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if !s.Unmeasured {
			if err := out.Encode(result); err != nil {
				return err
			}
		}
	}
	return nil
}

func scaled(count int, scale float64) int {
	if count == 0 {
		return 0
	}
	return max(1, int(float64(count)*scale))
}
